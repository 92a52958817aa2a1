import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { HeldCatalog } from "../support/held-catalog.ts";
import { imageOfSize, topLayerOf } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = imageOfSize("new", 10_000);
const { digest } = image.manifest;

// As an operator's sqlite3 does, or a disk that takes seconds for a write: the pull waited for as long.
test("while another process writes to the catalog, a new image is pulled and its manifest asked for once; then it is stored", async () => {
  await using hub = await FakeUpstream.start();
  hub.addImage("library/app", "latest", image);
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": hub },
    writePatienceMs: 1,
  });
  using foreign = new HeldCatalog(mirror.directory);

  const byTag = await mirror.get("/v2/app/manifests/latest");
  const byDigest = await mirror.get(`/v2/app/manifests/${digest}`);
  const again = await mirror.get("/v2/app/manifests/latest");
  const layer = await mirror.get(`/v2/app/blobs/${topLayerOf(image).digest}`);

  for (const { body } of [byTag, byDigest, again]) assert.deepEqual(body, image.manifest.bytes);
  assert.deepEqual(layer.body, topLayerOf(image).bytes);
  assert.equal(hub.count("GET", `manifests/${digest}`), 1);

  foreign[Symbol.dispose]();
  await mirror.idle();
  assert.deepEqual(await mirror.stored(), {
    blobs: 2,
    bytes: image.manifest.bytes.length + topLayerOf(image).bytes.length,
  });
});
