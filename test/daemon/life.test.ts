import assert from "node:assert/strict";
import { mkdtempDisposable, readdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ListenError } from "../../src/listeners/listen.ts";
import { StorageError } from "../../src/storage/storage-error.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, noiseBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

// A port of loopback that nothing listens on: the "discard" service of old.
const nobody = "http://127.0.0.1:9";

test("the mirror starts, and is ready, with no upstream reachable", async () => {
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": nobody } });

  assert.equal((await mirror.get("/v2/")).status, 200);
  assert.equal((await mirror.get("/readyz")).status, 200);
  assert.equal((await mirror.get("/v2/app/manifests/latest")).status, 502);
});

test("a second daemon on the same directory refuses, and leaves the first alone", async () => {
  await using temporary = await mkdtempDisposable(join(tmpdir(), "sluice-twice-"));
  const options = { upstreams: { "docker.io": nobody }, directory: temporary.path };
  await using first = await TestMirror.start(options);

  await assert.rejects(TestMirror.start(options), StorageError);

  assert.equal((await first.get("/readyz")).status, 200);
});

test("a port in use is a ListenError that names the key, and the directory is free again", async () => {
  await using temporary = await mkdtempDisposable(join(tmpdir(), "sluice-port-"));
  await using other = await TestMirror.start({ upstreams: { "docker.io": nobody } });
  const options = { upstreams: { "docker.io": nobody }, directory: temporary.path };

  await assert.rejects(
    TestMirror.start({ ...options, port: other.daemon.address.port }),
    (error) => {
      return error instanceof ListenError && error.message.includes("server.listen");
    },
  );

  await using again = await TestMirror.start(options);
  assert.equal((await again.get("/readyz")).status, 200);
});

test("what a crash left half-written is removed at the next start", async () => {
  await using temporary = await mkdtempDisposable(join(tmpdir(), "sluice-sweep-"));
  const options = { upstreams: { "docker.io": nobody }, directory: temporary.path };
  await TestMirror.start(options).then((mirror) => mirror[Symbol.asyncDispose]());
  await writeFile(join(temporary.path, "ingest", "half-a-blob"), "half");

  await TestMirror.start(options).then((mirror) => mirror[Symbol.asyncDispose]());

  assert.deepEqual(await readdir(join(temporary.path, "ingest")), []);
});

test("reading the configuration again changes upstreams and cuts no running pull", async () => {
  await using hub = await FakeUpstream.start();
  await using other = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("reload", 1_000_000);
  hub.addBlob("library/app", blob);
  const image = imageOfSize("other hub", 10);
  other.addImage("library/app", "latest", image);
  const release = hub.hold("library/app", blob.digest, 500_000);
  using running = mirror.open(`/v2/app/blobs/${blob.digest}`);
  await running.when(({ body }) => body.length === 500_000);

  mirror.reload({ "docker.io": other });
  const manifest = await mirror.get("/v2/app/manifests/latest");
  release();

  assert.deepEqual(manifest.body, image.manifest.bytes);
  assert.deepEqual((await running.end()).body, blob.bytes);
});

test("draining lets a running pull end, takes no more, and a cut ends what is left", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blobs = [noiseBlob("drained", 1_000_000), noiseBlob("cut", 1_000_000)] as const;
  const releases = blobs.map((blob) => {
    hub.addBlob("library/app", blob);
    return hub.hold("library/app", blob.digest, 500_000);
  });
  using ends = mirror.open(`/v2/app/blobs/${blobs[0].digest}`);
  using isCut = mirror.open(`/v2/app/blobs/${blobs[1].digest}`);
  for (const request of [ends, isCut]) await request.when(({ body }) => body.length === 500_000);
  const cut = new AbortController();

  const drained = mirror.daemon.drain(cut.signal);
  releases[0]?.();
  const ended = await ends.end();
  const refused = await mirror.get("/v2/");
  const notReady = await mirror.admin("/readyz");
  cut.abort();
  await drained;

  assert.deepEqual(ended.body, blobs[0].bytes);
  assert.equal(refused.status, 0, "no connection is taken");
  assert.equal(notReady.status, 503);
  assert.deepEqual(JSON.parse(notReady.body.toString()).reasons, ["it is stopping"]);
  assert.equal((await isCut.end()).complete, false);
});

test("stopping does not wait for an upstream that never answers", { timeout: 60_000 }, async () => {
  await using hub = await FakeUpstream.start();
  const hour = 3_600_000;
  const timeouts = { connectMs: hour, headersMs: hour, answerMs: hour, bodyIdleMs: hour };
  const settings = { "docker.io": { timeouts } };
  const mirror = await TestMirror.start({ upstreams: { "docker.io": hub }, settings });
  const { digest } = noiseBlob("never", 10);
  const asked = new Promise<void>((resolve) => {
    hub.override(`/v2/library/app/blobs/${digest}`, () => resolve());
  });
  using _request = mirror.open(`/v2/app/blobs/${digest}`);
  await asked;

  await mirror[Symbol.asyncDispose]();
});

test("the control socket is its owner's alone", async () => {
  await using temporary = await mkdtempDisposable(join(tmpdir(), "sluice-socket-"));
  await using _mirror = await TestMirror.start({
    upstreams: { "docker.io": nobody },
    directory: temporary.path,
  });

  const { mode } = await stat(join(temporary.path, "control.sock"));

  assert.equal(mode & 0o777, 0o600);
});
