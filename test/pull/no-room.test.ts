import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, noiseBlob, topLayerOf } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const small = { kind: "bytes", bytes: 10_000 } as const;

test("what finds no room passes through, whole and verified, and is not stored", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub }, maxSize: small });
  for (const sizeBytes of [10_001, 100_000, 3_000_000]) {
    const blob = noiseBlob(`large ${sizeBytes}`, sizeBytes);
    hub.addBlob("library/app", blob);

    const answer = await mirror.get(`/v2/app/blobs/${blob.digest}`);
    const part = await mirror.get(`/v2/app/blobs/${blob.digest}`, { range: "bytes=5000-5999" });

    assert.equal(answer.complete, true);
    assert.deepEqual(answer.body, blob.bytes);
    assert.equal(answer.headers["cache-status"], "sluice; fwd=miss");
    assert.deepEqual(part.body, blob.bytes.subarray(5000, 6000));
    assert.equal(hub.count("GET", blob.digest), 2, "one GET a pull");
  }
  assert.deepEqual(await mirror.stored(), { blobs: 0, bytes: 0 });
});

test("wrong bytes that pass through are cut all the same, and counted", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub }, maxSize: small });
  const blob = noiseBlob("right", 100_000);
  const wrong = noiseBlob("wrong", 100_000);
  const path = `/v2/library/app/blobs/${blob.digest}`;
  hub.override(path, (_request, response) => {
    response.writeHead(200, { "content-length": wrong.bytes.length }).end(wrong.bytes);
  });

  assert.equal((await mirror.get(path)).complete, false);
  const { values } = await mirror.daemon.metrics.digestMismatches.get();
  assert.partialDeepStrictEqual(values, [{ labels: { upstream: "docker.io" }, value: 1 }]);
});

test("an image is pulled through a full mirror, and what fits is stored", async () => {
  await using hub = await FakeUpstream.start();
  // The catalog and its log count as 6 MiB of it.
  const maxSize = { kind: "bytes", bytes: 9_000_000 } as const;
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub }, maxSize });
  const image = imageOfSize("full", 6_000_000);
  hub.addImage("library/app", "latest", image);

  const manifest = await mirror.get("/v2/app/manifests/latest");
  const layer = await mirror.get(`/v2/app/blobs/${topLayerOf(image).digest}`);
  await mirror.idle();

  assert.deepEqual(manifest.body, image.manifest.bytes);
  assert.deepEqual(layer.body, topLayerOf(image).bytes);
  assert.deepEqual(await mirror.stored(), { blobs: 1, bytes: image.manifest.bytes.length });
});
