import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, noiseBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = imageOfSize("pushed late", 100);
const blob = noiseBlob("pushed late", 100);

const missing: Readonly<Record<string, string>> = {
  "a tag": "/v2/team/app/manifests/latest",
  "a manifest by digest": `/v2/team/app/manifests/${image.manifest.digest}`,
  "a blob": `/v2/team/app/blobs/${blob.digest}`,
};

for (const [name, target] of Object.entries(missing)) {
  test(`${name} that is not found is told so at once for negativeTtl, whatever the method, and then asked for again`, async () => {
    await using hub = await FakeUpstream.start();
    await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });

    const told = await mirror.get(target);
    assert.equal(told.status, 404);
    const before = hub.requests.length;
    push(hub);
    mirror.advance(4_999);
    const again = await mirror.get(target);
    assert.equal(again.status, 404);
    assert.equal(again.body.toString(), told.body.toString());
    assert.notEqual(again.headers["x-request-id"], told.headers["x-request-id"]);
    assert.equal((await mirror.head(target)).status, 404);
    assert.equal(hub.requests.length, before);
    mirror.advance(1);

    assert.equal((await mirror.get(target)).status, 200);
  });

  for (const [kind, trouble] of Object.entries(troubles())) {
    test(`${kind} for ${name} is not remembered`, async () => {
      await using hub = await FakeUpstream.start();
      await using mirror = await TestMirror.start({
        upstreams: { "docker.io": hub },
        freshness: { negativeTtlMs: 3_600_000 },
      });
      push(hub);
      hub.overrideAll(trouble);
      const failed = await mirror.get(target);
      hub.overrideAll(null);
      // Upstream may have been left alone.
      mirror.advance(10_000);

      const healed = await mirror.get(target);

      assert.notEqual(failed.status, 200);
      assert.notEqual(failed.status, 404);
      assert.equal(healed.status, 200);
    });
  }

  test(`${name} that is not found is asked for again once the upstream is configured anew`, async () => {
    await using hub = await FakeUpstream.start();
    await using other = await FakeUpstream.start();
    await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
    push(other);
    assert.equal((await mirror.get(target)).status, 404);

    mirror.reload({ "docker.io": hub });
    assert.equal((await mirror.get(target)).status, 404);
    const { length } = hub.requests;
    mirror.reload({ "docker.io": other });

    assert.equal((await mirror.get(target)).status, 200);
    assert.equal(hub.requests.length, length);
  });
}

test("'not found' is of one repository of one upstream", async () => {
  await using hub = await FakeUpstream.start();
  await using ghcr = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub, "ghcr.io": ghcr } });
  push(ghcr);
  hub.addImage("team/other", "latest", image);
  assert.equal((await mirror.get("/v2/team/app/manifests/latest")).status, 404);

  assert.equal((await mirror.get("/v2/team/app/manifests/latest?ns=ghcr.io")).status, 200);
  assert.equal((await mirror.get("/v2/team/other/manifests/latest")).status, 200);
});

test("a manifest that was not found by its digest is there as soon as a tag brought it", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const byDigest = `/v2/team/app/manifests/${image.manifest.digest}`;
  assert.equal((await mirror.get(byDigest)).status, 404);
  push(hub);

  assert.equal((await mirror.get("/v2/team/app/manifests/latest")).status, 200);

  assert.equal((await mirror.get(byDigest)).status, 200);
});

// containerd asks for a digest of which it does not know what it is as a manifest, and then as a blob.
test("a blob is not missing because there is no manifest of that digest, nor the other way round", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  push(hub);

  assert.equal((await mirror.head(`/v2/team/app/manifests/${blob.digest}`)).status, 404);
  assert.deepEqual((await mirror.get(`/v2/team/app/blobs/${blob.digest}`)).body, blob.bytes);
  const { digest, bytes } = image.manifest;
  assert.equal((await mirror.head(`/v2/team/app/blobs/${digest}`)).status, 404);
  assert.deepEqual((await mirror.get(`/v2/team/app/manifests/${digest}`)).body, bytes);
});

test("a blob that is here stays granted when it is asked for as a manifest", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  push(hub);
  await mirror.get(`/v2/team/app/blobs/${blob.digest}`);
  await mirror.idle();

  assert.equal((await mirror.head(`/v2/team/app/manifests/${blob.digest}`)).status, 404);
  await hub.down();

  assert.deepEqual((await mirror.get(`/v2/team/app/blobs/${blob.digest}`)).body, blob.bytes);
});

function push(hub: FakeUpstream): void {
  hub.addImage("team/app", "latest", image);
  hub.addBlob("team/app", blob);
}

function troubles(): Readonly<Record<string, Answer>> {
  return {
    "a refusal": (_, response) => void response.writeHead(403).end(),
    "a 500": (_, response) => void response.writeHead(500).end(),
    "a 410": (_, response) => void response.writeHead(410).end(),
    "a cut connection": (request) => void request.socket.destroy(),
    "a web page": (_, response) =>
      void response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
  };
}
