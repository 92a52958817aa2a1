import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import Database from "better-sqlite3";
import pino from "pino";
import { Accesses } from "../../src/mirror/accesses.ts";
import { evictionPolicies } from "../../src/mirror/eviction/eviction-policy.ts";
import { type Digest, parseDigest } from "../../src/oci/digest.ts";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import type { Layout } from "../../src/storage/layout.ts";
import { Child } from "../storage/child.ts";
import { storageDirectory } from "../storage/storage-directory.ts";
import { ampleBudget } from "../support/ample-budget.ts";
import { blobRecord, locationOf } from "../support/catalog-suite.ts";
import { eventually } from "../support/eventually.ts";
import { imageOfSize } from "../support/images.ts";

const here = locationOf("docker.io", "library/alpine");
const flushMs = 5_000;
const forEver = new Promise<never>(() => {});

test("while another process keeps the catalog's log long, times of pulls wait, with one warning, and none is lost", async (t) => {
  await using scene = await startScene(t);
  const { accesses, catalog, layout, lines, tick } = scene;
  const blob = blobRecord("layer");
  const { manifest } = imageOfSize("image", 100);
  await catalog.recordBlob(here, blob, 1);
  const reader = await Child.start("hold-snapshot", layout.directory);
  await makeLogLong(scene);
  tick();

  for (let at = 0; at < 3; at++) {
    accesses.note(blob.digest);
    accesses.notePull(manifest);
    tick();
  }

  assert.equal(accesses.isFresh(blob.digest), true, "whoever evicts knows of it");
  assert.equal((await catalog.access(blob.digest))?.pulls, 0);
  assert.deepEqual(
    lines()
      .filter(({ level }) => level >= 40)
      .map(({ msg }) => msg.slice(0, 33)),
    ["the catalog's log (catalog.db-wal"],
  );

  await reader[Symbol.asyncDispose]();
  await eventually("the log is short", () => !catalog.isLogLong);
  tick();
  await eventually(
    "they are written",
    async () => (await catalog.access(blob.digest))?.pulls === 3,
  );
  await eventually("they are logged", async () => (await loggedPulls(catalog)) === 3);
});

test("whoever must know what was pulled gets it written, however long the catalog's log is", async (t) => {
  await using scene = await startScene(t);
  const { accesses, catalog, layout, tick } = scene;
  const blob = blobRecord("layer");
  await catalog.recordBlob(here, blob, 1);
  await using _reader = await Child.start("hold-snapshot", layout.directory);
  await makeLogLong(scene);
  tick();
  accesses.note(blob.digest);

  await accesses.flush();

  assert.equal((await catalog.access(blob.digest))?.pulls, 1);
});

test("times of pulls that another process kept from being written are written later", async (t) => {
  await using scene = await startScene(t);
  const { accesses, catalog, layout } = scene;
  const blob = blobRecord("layer");
  await catalog.recordBlob(here, blob, 1);
  const foreign = await Child.start("hold-write", layout.directory);
  accesses.note(blob.digest);
  await accesses.flush();
  assert.equal(accesses.isFresh(blob.digest), true);
  accesses.note(blob.digest);

  await foreign[Symbol.asyncDispose]();
  await accesses.flush();

  assert.equal((await catalog.access(blob.digest))?.pulls, 2);
});

// A write of a disk that hangs has no end of its own: each flush once took what was noted, and waited behind the one before.
test("while a write of the catalog hangs, times of pulls wait in one place and are then written together", async (t) => {
  const hanging = Promise.withResolvers<void>();
  await using scene = await startScene(t, hanging.promise);
  const { accesses, writes, tick } = scene;
  const blobs = Array.from({ length: 10 }, (_, at) => blobRecord(`layer ${at}`));
  for (const { digest } of blobs) {
    accesses.note(digest);
    tick();
    await eventually("it is being written", () => writes.length > 0);
  }

  assert.ok(blobs.every(({ digest }) => accesses.isFresh(digest)));
  hanging.resolve();
  await accesses.flush();

  assert.deepEqual(writes, [1, 9]);
  assert.ok(!blobs.some(({ digest }) => accesses.isFresh(digest)));
});

test("while a write of the catalog hangs, no more pulls wait than memory has room for, and the log says so once", async (t) => {
  await using scene = await startScene(t, forEver);
  const { accesses, writes, lines } = scene;
  accesses.note(blobRecord("being written").digest);
  void accesses.flush();
  await eventually("it is being written", () => writes.length > 0);

  for (let at = 0; at < 100_000; at++) accesses.note(digestOfNumber(at));
  const before = lines().length;
  for (const text of ["late", "later"]) accesses.note(blobRecord(text).digest);

  assert.equal(accesses.isFresh(digestOfNumber(99_999)), true);
  assert.equal(accesses.isFresh(blobRecord("late").digest), false);
  assert.equal(before, 0);
  assert.deepEqual(
    lines().map(({ msg }) => msg.slice(0, 19)),
    ["pulls are forgotten"],
  );
});

test("while a write of the catalog hangs, the log of pulls that wait is bounded too", async (t) => {
  await using scene = await startScene(t, forEver);
  const { accesses, writes, lines } = scene;
  const { manifest } = imageOfSize("image", 100);
  accesses.notePull(manifest);
  void accesses.flush();
  await eventually("it is being written", () => writes.length > 0);

  for (let at = 0; at < 200_000; at++) accesses.notePull(manifest);

  assert.equal(lines().length, 1);
});

function digestOfNumber(at: number): Digest {
  const digest = parseDigest(`sha256:${at.toString(16).padStart(64, "0")}`);
  assert.ok(digest);
  return digest;
}

interface Scene extends AsyncDisposable {
  readonly accesses: Accesses;
  readonly catalog: SqliteCatalog;
  readonly layout: Layout;
  /** Of how many times of pulls each write was that hangs. */
  readonly writes: readonly number[];
  readonly lines: () => { readonly level: number; readonly msg: string }[];
  /** It is time to write what was noted. */
  readonly tick: () => void;
}

async function startScene(t: TestContext, hanging: Promise<void> | null = null): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const { layout } = stack.use(await storageDirectory());
  const catalog = stack.use(await SqliteCatalog.open(layout));
  const writes = hanging === null ? [] : hangUntil(hanging, catalog);
  const budget = ampleBudget(layout, catalog);
  const written: string[] = [];
  const log = pino({}, { write: (line: string) => written.push(line) });
  t.mock.timers.enable({ apis: ["setInterval"] });
  const now = (): number => 1_000_000;
  const policy = evictionPolicies.lru;
  const accesses = new Accesses({ catalog, budget, log, now, policy });
  // Nobody is waited for whose writes never end.
  if (hanging !== forEver) stack.use(accesses);
  const owned = stack.move();
  return {
    accesses,
    catalog,
    layout,
    writes,
    lines: () => written.map((line) => JSON.parse(line)),
    tick: () => t.mock.timers.tick(flushMs),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Has times of pulls written only then, as a disk that hangs does. */
function hangUntil(then: Promise<void>, catalog: SqliteCatalog): number[] {
  const writes: number[] = [];
  const record = catalog.recordAccesses.bind(catalog);
  catalog.recordAccesses = async (accesses) => {
    writes.push(accesses.length);
    await then;
    await record(accesses);
  };
  return writes;
}

/** Somebody must read an old state meanwhile. */
async function makeLogLong({ catalog, layout }: Scene): Promise<void> {
  using foreign = new DisposableStack();
  const database = foreign.adopt(new Database(layout.catalogFile), (it) => it.close());
  database.pragma("synchronous = OFF");
  // Each commit takes a page of the log, for SQLite writes nothing where nothing changes.
  const write = database.prepare("UPDATE repositories SET public_at_ms = abs(random() % 1000)");
  while (!catalog.isLogLong) {
    for (let at = 0; at < 1000; at++) write.run();
    await catalog.recordPublic(here, 1);
  }
}

async function loggedPulls(catalog: SqliteCatalog): Promise<number> {
  return (await catalog.ask({ kind: "pulls", sinceMs: 0 })).atMs.length;
}
