import assert from "node:assert/strict";
import { mkdtempDisposable, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, noiseBlob, ociIndex, type TestImage, topLayerOf } from "../support/images.ts";
import { noise } from "../support/noise.ts";
import { pullImage } from "../support/pull-image.ts";
import { TestMirror } from "../support/test-mirror.ts";

const mib = 1024 ** 2;

// The catalog and its log count as 6 MiB of it.
const maxSize = { kind: "bytes", bytes: 44 * mib } as const;

test("what was pulled longest ago makes room for what is pulled now", async () => {
  await using scene = await startScene();
  const { mirror } = scene;
  for (const name of ["a", "b", "c", "d", "e"]) await scene.pull(name);
  const { usedBytes, limitBytes } = await usageOf(mirror);

  assert.ok(usedBytes <= limitBytes, `${usedBytes} of ${limitBytes}`);
  assert.equal(await scene.isHit("e"), true, "the newest is here");
  assert.equal(await scene.isHit("a"), false, "the oldest is not");
});

test("content larger than the bound evicts nothing and passes through", async () => {
  await using scene = await startScene();
  await scene.pull("a");
  const large = noiseBlob("too large", 50 * mib);
  scene.hub.addBlob("library/large", large);

  const answer = await scene.mirror.get(`/v2/large/blobs/${large.digest}`);
  await scene.mirror.idle();

  assert.ok(answer.body.equals(large.bytes));
  assert.equal(await scene.isHit("a"), true);
});

test("a reader of what is evicted gets all of it", async () => {
  await using scene = await startScene();
  await scene.pull("a");
  const layer = topLayerOf(scene.image("a"));
  using reading = scene.mirror.open(`/v2/a/blobs/${layer.digest}`);
  await reading.when(({ body }) => body.length > 0);

  await scene.mirror.daemon.mirror.evictor.evict({ toBytes: 0 });

  assert.equal((await scene.mirror.stored()).blobs, 0);
  assert.ok((await reading.end()).body.equals(layer.bytes));
});

// What the catalog knew of an evicted image went with it, while memory knew it still: one repository brought the content back,
// the other was served by what was in memory, and after a restart nothing showed that it might have it.
test("an image that was evicted and comes back by one repository is kept for the others too, for an outage after a restart", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "evicted-"));
  await using hub = await FakeUpstream.start();
  const image = imageOfSize("shared", 1_000);
  for (const name of ["team/a", "team/b"]) hub.addImage(name, "1", image);
  const options = { upstreams: { "docker.io": hub }, directory: directory.path };
  const references = ["1", image.manifest.digest];
  {
    await using mirror = await TestMirror.start(options);
    for (const name of ["team/a", "team/b"]) await pullImage(mirror, name, "1");
    await mirror.daemon.mirror.evictor.evict({ toBytes: 0 });
    for (const name of ["team/a", "team/b"]) await pullImage(mirror, name, "1");
  }
  await hub.down();
  await using mirror = await TestMirror.start(options);

  for (const reference of references) {
    const { status } = await mirror.get(`/v2/team/b/manifests/${reference}`);
    assert.equal(status, 200, reference);
  }
  for (const { digest } of image.blobs) {
    assert.equal((await mirror.get(`/v2/team/b/blobs/${digest}`)).status, 200, digest);
  }
});

test("pinned images stay, whatever must go", async () => {
  await using scene = await startScene({ pins: ["docker.io/library/a"] });
  for (const name of ["a", "b"]) await scene.pull(name);

  await scene.mirror.daemon.mirror.evictor.evict({ toBytes: 0 });

  assert.equal(await scene.isHit("a"), true);
  assert.equal(await scene.isHit("b"), false);
});

test("what nobody pulled for maxIdle goes although there is room", async () => {
  await using scene = await startScene({ maxIdleMs: 3_600_000 });
  await scene.pull("a");
  scene.mirror.advance(3_000_000);
  await scene.pull("b");
  scene.mirror.advance(3_000_000);

  const evicted = await scene.mirror.daemon.mirror.evictor.evict({ toBytes: Number.MAX_VALUE });

  assert.equal(evicted.roots, 1);
  assert.equal(await scene.isHit("b"), true);
});

test("an image that is pinned and idle is counted once, and no reason to warn while there is room", async () => {
  await using scene = await startScene({ pins: ["docker.io/library/a"], maxIdleMs: 1_000 });
  const { mirror } = scene;
  await scene.pull("a");
  mirror.advance(3_000_000);
  const { evictor } = mirror.daemon.mirror;
  const warnings = (): unknown[] => mirror.logLines.filter(({ msg }) => /pinned/.test(String(msg)));

  const plan = await evictor.plan({ toBytes: 0 }, 10);
  await evictor.evict({ toBytes: null });
  const whileRoom = warnings();
  await evictor.evict({ toBytes: 0 });

  assert.deepEqual(plan.pinned, { roots: 1, names: ["docker.io/library/a:latest"] });
  assert.deepEqual(whileRoom, []);
  assert.equal(warnings().length, 1);
});

test("an eviction does what its plan said, in that order, and a plan changes nothing", async () => {
  await using scene = await startScene();
  for (const name of ["a", "b", "c"]) {
    await scene.pull(name);
    scene.mirror.advance(60_000);
  }
  const { evictor } = scene.mirror.daemon.mirror;
  const before = await scene.mirror.stored();

  const plan = await evictor.plan({ toBytes: 20 * mib }, 10);
  const after = await scene.mirror.stored();
  const evicted = await evictor.evict({ toBytes: 20 * mib });

  assert.deepEqual(after, before);
  assert.deepEqual(
    plan.victims.map(({ names }) => names[0]),
    ["docker.io/library/a:latest", "docker.io/library/b:latest"],
  );
  assert.equal(evicted.roots, plan.victims.length);
  assert.equal(
    evicted.bytes,
    plan.victims.flatMap(({ freed }) => freed).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  );
});

// Its manifest went, and the layers that had come: the others came as blobs of no image.
test("an image stays while it is being pulled, however little it is worth", async () => {
  await using scene = await startScene();
  const { mirror, hub } = scene;
  const { evictor } = mirror.daemon.mirror;
  const layer = topLayerOf(scene.image("a"));
  await mirror.get("/v2/a/manifests/latest");
  await scene.pull("b");
  await evictor.plan({ toBytes: 0 }, 1);
  mirror.advance(60_001);
  const sendOn = hub.hold("library/a", layer.digest, mib);
  using pulling = mirror.open(`/v2/a/blobs/${layer.digest}`);
  await pulling.when(({ body }) => body.length > 0);

  const plan = await evictor.plan({ toBytes: 0 }, 10);
  const evicted = await evictor.evict({ toBytes: 0 });
  sendOn();
  await pulling.end();
  await mirror.idle();
  const complete = await evictor.plan({ toBytes: 0 }, 10);

  assert.deepEqual([plan.images, plan.arriving, evicted.roots, evicted.arriving], [1, 1, 1, 1]);
  assert.equal(complete.victims[0]?.names[0], "docker.io/library/a:latest");
  assert.equal(complete.victims[0].freed.length, 2, "the manifest and the layer");
});

test("an eviction of more than a hundred images goes on portion by portion, and makes the room that a pull waits for", async () => {
  await using scene = await startScene({ pins: ["docker.io/library/[a-c]"] });
  const { mirror, hub } = scene;
  const { evictor } = mirror.daemon.mirror;
  const small = Array.from({ length: 130 }, (_, at) => noiseBlob(`small ${at}`, 230_000));
  for (const blob of small) hub.addBlob("library/small", blob);
  await Promise.all(small.map(({ digest }) => mirror.get(`/v2/small/blobs/${digest}`)));
  await mirror.idle();

  const plan = await evictor.plan({ toBytes: 0 }, 10);
  for (const name of ["a", "b", "c"]) {
    // On a slow machine the eviction takes longer than a pull waits for room; it goes on all the same.
    await eventually(`${name} is stored`, async () => {
      await scene.pull(name);
      return await scene.isHit(name);
    });
  }
  // The eviction that made room may still be going on: nothing has to go for this aim, but it waits for that.
  await evictor.evict({ toBytes: Number.MAX_SAFE_INTEGER });
  const between = await mirror.stored();
  const evicted = await evictor.evict({ toBytes: 0 });

  assert.deepEqual([plan.victims.length, plan.blobs, plan.objects], [10, 130, 130]);
  assert.equal(await scene.isHit("c"), true);
  assert.equal(evicted.objects, between.blobs - 6, "all but three images");
  const metrics = (await mirror.admin("/metrics")).body.toString();
  assert.match(metrics, /^sluice_evicted_objects_total\{reason="size"\} 130$/m);
});

test("an image for several platforms goes as one, though only a child of it was pulled of late", async () => {
  await using scene = await startScene();
  const { mirror, hub } = scene;
  const parts = (["amd64", "arm64"] as const).map((architecture) => ({
    architecture,
    layers: [[{ path: "noise", bytes: noise(architecture, mib) }]],
  }));
  const index = ociIndex(parts);
  hub.addImage("library/multi", "latest", index);
  const [child] = index.children;
  assert.ok(child);
  await mirror.get("/v2/multi/manifests/latest");
  mirror.advance(60_000);
  await mirror.get(`/v2/multi/manifests/${child.manifest.digest}`);
  await mirror.get(`/v2/multi/blobs/${topLayerOf(child).digest}`);
  await mirror.idle();
  const { evictor } = mirror.daemon.mirror;

  const plan = await evictor.plan({ toBytes: 0 }, 10);
  const evicted = await evictor.evict({ toBytes: 0 });

  const [victim] = plan.victims;
  assert.equal(victim?.root, index.manifest.digest);
  assert.equal(victim.lastAtMs, mirror.nowMs, "its last pull is that of the child");
  const own = victim.freed.find(({ digest }) => digest === victim.root);
  assert.equal(own?.sizeBytes, index.manifest.bytes.length);
  assert.equal(evicted.roots, 1);
  assert.equal((await mirror.stored()).blobs, 0);
});

test("pulls and evictions go on while somebody reads an old snapshot of the catalog", async () => {
  await using scene = await startScene();
  await scene.pull("a");
  using stack = new DisposableStack();
  const reader = stack.adopt(new Database(scene.catalogFile, { readonly: true }), (it) =>
    it.close(),
  );
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM blobs").get();

  for (let at = 0; at < 12; at++) await scene.pull(`snap${at}`);

  const { usedBytes, limitBytes } = await usageOf(scene.mirror);
  assert.ok(usedBytes <= limitBytes, `${usedBytes} of ${limitBytes}`);
  assert.equal(await scene.isHit("snap11"), true);
  assert.equal(await scene.isHit("a"), false);
  const { size } = await stat(`${scene.catalogFile}-wal`);
  assert.ok(size < 64 * mib, `its log has ${size} bytes`);
});

test("an image is ranked by the size of all of it, though its manifest was stored before its layers came", async () => {
  await using scene = await startScene();
  const { evictor } = scene.mirror.daemon.mirror;
  scene.image("a");
  await scene.mirror.get("/v2/a/manifests/latest");
  const early = await evictor.plan({ toBytes: 0 }, 10);

  await scene.pull("a");
  scene.mirror.advance(60_001);
  await evictor.plan({ toBytes: 0 }, 10);
  const late = await evictor.plan({ toBytes: 0 }, 10);

  assert.ok((early.victims[0]?.priority ?? 0) > 1_000, "by its manifest alone it is tiny");
  assert.ok((late.victims[0]?.priority ?? 0) < 20);
});

// It was written twice in one go, the second time as it had been before the pull.
test("a pull that comes when an image is about to be ranked again is not lost", async () => {
  await using scene = await startScene();
  const { evictor } = scene.mirror.daemon.mirror;
  await scene.pull("a");
  await evictor.plan({ toBytes: 0 }, 10);
  scene.mirror.advance(60_001);
  await scene.pull("a");

  await evictor.plan({ toBytes: 0 }, 10);
  const plan = await evictor.plan({ toBytes: 0 }, 10);

  assert.equal(plan.victims[0]?.pulls, 2);
  assert.equal(plan.victims[0].lastAtMs, scene.mirror.nowMs);
});

// Docker and containerd ask what a tag is by HEAD, then take the manifest by digest: that counted twice.
test("a HEAD and the GET behind it are one pull, and a HEAD alone shows that an image is in use", async () => {
  await using scene = await startScene();
  const { mirror } = scene;
  const { evictor } = mirror.daemon.mirror;
  const { digest } = scene.image("a").manifest;
  await mirror.head("/v2/a/manifests/latest");
  await mirror.get(`/v2/a/manifests/${digest}`);
  const pulled = await evictor.plan({ toBytes: 0 }, 10);

  mirror.advance(60_001);
  await mirror.head("/v2/a/manifests/latest");
  const lookedAt = await evictor.plan({ toBytes: 0 }, 10);

  assert.deepEqual([pulled.victims[0]?.pulls, lookedAt.victims[0]?.pulls], [1, 1]);
  assert.equal(lookedAt.victims[0]?.lastAtMs, mirror.nowMs);
});

class Scene implements AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly mirror: TestMirror;
  readonly #images = new Map<string, TestImage>();

  constructor(hub: FakeUpstream, mirror: TestMirror) {
    this.hub = hub;
    this.mirror = mirror;
  }

  get catalogFile(): string {
    return join(this.mirror.directory, "catalog.db");
  }

  image(name: string): TestImage {
    const image = this.#images.get(name) ?? imageOfSize(`evicted ${name}`, 10 * mib);
    this.#images.set(name, image);
    this.hub.addImage(`library/${name}`, "latest", image);
    return image;
  }

  /** As a client does: the manifest, then the layer. */
  async pull(name: string): Promise<void> {
    const layer = topLayerOf(this.image(name));
    await this.mirror.get(`/v2/${name}/manifests/latest`);
    const answer = await this.mirror.get(`/v2/${name}/blobs/${layer.digest}`);
    await this.mirror.idle();
    assert.ok(answer.body.equals(layer.bytes));
  }

  async isHit(name: string): Promise<boolean> {
    const layer = topLayerOf(this.image(name));
    const { headers } = await this.mirror.head(`/v2/${name}/blobs/${layer.digest}`);
    return headers["cache-status"] === "sluice; hit";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mirror[Symbol.asyncDispose]();
    await this.hub[Symbol.asyncDispose]();
  }
}

async function startScene(
  eviction: NonNullable<Parameters<typeof TestMirror.start>[0]["eviction"]> = {},
): Promise<Scene> {
  const hub = await FakeUpstream.start();
  const minFree = { kind: "bytes", bytes: 0 } as const;
  const mirror = await TestMirror.start({
    upstreams: { "docker.io": hub },
    maxSize,
    minFree,
    eviction,
  });
  return new Scene(hub, mirror);
}

async function usageOf(mirror: TestMirror): Promise<{ usedBytes: number; limitBytes: number }> {
  return JSON.parse((await mirror.admin("/api/v1/stats")).body.toString()).stored;
}
