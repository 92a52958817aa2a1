import assert from "node:assert/strict";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, runnableImage, topLayerOf } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

test("a blob is filled once and then served from disk", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const image = imageOfSize("cold-and-warm", 300_000);
  const layer = topLayerOf(image);
  hub.addImage("library/app", "1", image);

  const cold = await mirror.get(`/v2/app/blobs/${layer.digest}`);
  await mirror.idle();
  const warm = await mirror.get(`/v2/app/blobs/${layer.digest}`);

  for (const answer of [cold, warm]) {
    assert.equal(answer.status, 200);
    assert.equal(answer.complete, true);
    assert.deepEqual(answer.body, layer.bytes);
    assert.equal(answer.headers["docker-content-digest"], layer.digest);
    assert.equal(answer.headers["etag"], `"${layer.digest}"`);
    assert.equal(answer.headers["content-type"], "application/octet-stream");
  }
  assert.equal(cold.headers["cache-status"], "sluice; fwd=miss; stored");
  assert.equal(warm.headers["cache-status"], "sluice; hit");
  assert.equal(hub.count("GET", "/blobs/"), 1);
});

test("what was pulled is served when the upstream is gone", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const image = runnableImage("hello");
  hub.addImage("library/hello", "latest", image);
  const [platform] = image.children;
  assert.ok(platform);
  const targets = [
    "/v2/hello/manifests/latest",
    `/v2/hello/manifests/${platform.manifest.digest}`,
    ...platform.blobs.map(({ digest }) => `/v2/hello/blobs/${digest}`),
  ];
  const before = await Promise.all(targets.map((target) => mirror.get(target)));
  await mirror.idle();
  await hub.down();
  mirror.advance(24 * 3_600_000);

  const after = await Promise.all(targets.map((target) => mirror.get(target)));

  assert.deepEqual(
    after.map(({ status, complete, body }) => ({ status, complete, body })),
    before.map(({ body }) => ({ status: 200, complete: true, body })),
  );
  assert.match(
    after[0]?.headers["cache-status"] ?? "",
    /^sluice; fwd=stale; ttl=-86340; detail="docker.io cannot be reached/,
  );
});

test("content of an upstream that needs tokens is pulled with anonymous ones", async () => {
  await using hub = await FakeUpstream.start({ tokens: true });
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const image = imageOfSize("tokens", 10);
  hub.addImage("team/app", "1", image);

  const manifest = await mirror.get("/v2/team/app/manifests/1");
  const layer = await mirror.get(`/v2/team/app/blobs/${topLayerOf(image).digest}`);

  assert.deepEqual(manifest.body, image.manifest.bytes);
  assert.deepEqual(layer.body, topLayerOf(image).bytes);
  assert.equal(hub.count("GET", "/token"), 1);
});

test("what is stored outlives the daemon", async () => {
  await using hub = await FakeUpstream.start();
  const layer = topLayerOf(imageOfSize("restart", 200_000));
  hub.addBlob("library/app", layer);
  await using temporary = await mkdtempDisposable(join(tmpdir(), "sluice-restart-"));
  const directory = temporary.path;
  {
    await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub }, directory });
    await mirror.get(`/v2/app/blobs/${layer.digest}`);
    await mirror.idle();
  }
  await hub.down();

  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub }, directory });
  const answer = await mirror.get(`/v2/app/blobs/${layer.digest}`);

  assert.deepEqual(answer.body, layer.bytes);
  assert.equal(answer.headers["cache-status"], "sluice; hit");
});
