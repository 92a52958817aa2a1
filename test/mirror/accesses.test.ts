import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import Database from "better-sqlite3";
import pino from "pino";
import { Accesses } from "../../src/mirror/accesses.ts";
import { evictionPolicies } from "../../src/mirror/eviction/eviction-policy.ts";
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

interface Scene extends AsyncDisposable {
  readonly accesses: Accesses;
  readonly catalog: SqliteCatalog;
  readonly layout: Layout;
  readonly lines: () => { readonly level: number; readonly msg: string }[];
  /** It is time to write what was noted. */
  readonly tick: () => void;
}

async function startScene(t: TestContext): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const { layout } = stack.use(await storageDirectory());
  const catalog = stack.use(await SqliteCatalog.open(layout));
  const budget = ampleBudget(layout, catalog);
  const written: string[] = [];
  const log = pino({}, { write: (line: string) => written.push(line) });
  t.mock.timers.enable({ apis: ["setInterval"] });
  const now = (): number => 1_000_000;
  const policy = evictionPolicies.lru;
  const accesses = stack.use(new Accesses({ catalog, budget, log, now, policy }));
  const owned = stack.move();
  return {
    accesses,
    catalog,
    layout,
    lines: () => written.map((line) => JSON.parse(line)),
    tick: () => t.mock.timers.tick(flushMs),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
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
