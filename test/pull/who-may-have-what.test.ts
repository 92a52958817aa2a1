import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, noiseBlob, topLayerOf } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

test("a repository does not get content that only another one holds", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("private", 100_000);
  hub.addBlob("team/private", blob);
  await mirror.get(`/v2/team/private/blobs/${blob.digest}`);
  await mirror.idle();
  const never = noiseBlob("never", 10).digest;

  const refused = await mirror.get(`/v2/team/other/blobs/${blob.digest}`);
  const unknown = await mirror.get(`/v2/team/other/blobs/${never}`);

  assert.equal(refused.status, 404);
  assert.deepEqual(
    refused.body.toString().replaceAll(blob.digest, "DIGEST"),
    unknown.body.toString().replaceAll(never, "DIGEST"),
  );
  assert.deepEqual(headersOf(refused), headersOf(unknown));
});

test("a second repository proves by HEAD that it holds what is stored, and downloads nothing", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("shared", 100_000);
  for (const repository of ["team/a", "team/b"]) hub.addBlob(repository, blob);
  await mirror.get(`/v2/team/a/blobs/${blob.digest}`);
  await mirror.idle();

  const first = await mirror.get(`/v2/team/b/blobs/${blob.digest}`);
  await hub.down();
  const second = await mirror.get(`/v2/team/b/blobs/${blob.digest}`);

  for (const answer of [first, second]) assert.deepEqual(answer.body, blob.bytes);
  assert.equal(hub.count("GET", "/blobs/"), 1);
  assert.equal(hub.count("HEAD", "/v2/team/b/blobs/"), 1);
});

test("content of one upstream is no other upstream's, though bytes are stored once", async () => {
  await using hub = await FakeUpstream.start();
  await using ghcr = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub, "ghcr.io": ghcr } });
  const blob = noiseBlob("two upstreams", 50_000);
  hub.addBlob("team/app", blob);
  await mirror.get(`/v2/team/app/blobs/${blob.digest}`);
  await mirror.idle();

  const before = await mirror.get(`/v2/ghcr.io/team/app/blobs/${blob.digest}`);
  ghcr.addBlob("team/app", blob);
  mirror.advance(5_001);
  const after = await mirror.get(`/v2/ghcr.io/team/app/blobs/${blob.digest}`);

  assert.equal(before.status, 404);
  assert.deepEqual(after.body, blob.bytes);
  assert.equal(ghcr.count("GET", "/blobs/"), 0);
});

test("while upstream cannot be asked, a manifest of the repository that names the blob will do", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const image = imageOfSize("named", 10_000);
  const layer = topLayerOf(image);
  hub.addImage("team/a", "1", image);
  hub.addImage("team/b", "1", image);
  await mirror.get("/v2/team/b/manifests/1");
  await mirror.get(`/v2/team/a/blobs/${layer.digest}`);
  await mirror.idle();
  await hub.down();

  const named = await mirror.get(`/v2/team/b/blobs/${layer.digest}`);
  const unnamed = await mirror.get(`/v2/team/c/blobs/${layer.digest}`);

  assert.deepEqual(named.body, layer.bytes);
  assert.equal(unnamed.status, 502);
});

test("a repository that joins another's fill must hold the blob too", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("joined", 1_000_000);
  for (const repository of ["team/a", "team/b"]) hub.addBlob(repository, blob);
  const release = hub.hold("team/a", blob.digest, 500_000);
  using first = mirror.open(`/v2/team/a/blobs/${blob.digest}`);
  await first.when(({ body }) => body.length === 500_000);

  const stranger = await mirror.get(`/v2/team/c/blobs/${blob.digest}`);
  using joining = mirror.open(`/v2/team/b/blobs/${blob.digest}`);
  await joining.when(({ body }) => body.length === 500_000);
  release();

  assert.equal(stranger.status, 404);
  assert.deepEqual((await joining.end()).body, blob.bytes);
  assert.equal(hub.count("GET", "/v2/team/b/blobs/"), 0);
});

function headersOf({
  headers,
}: {
  readonly headers: Readonly<Record<string, string>>;
}): Record<string, string> {
  const { date: _date, "content-length": _length, ...others } = headers;
  return others;
}
