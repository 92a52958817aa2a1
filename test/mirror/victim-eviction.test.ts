import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { Accesses } from "../../src/mirror/accesses.ts";
import { evictionPolicies } from "../../src/mirror/eviction/eviction-policy.ts";
import { evictVictim, type VictimTools } from "../../src/mirror/eviction/victim-eviction.ts";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import { DigestLocks } from "../../src/storage/digest-locks.ts";
import { DiskBlobStore } from "../../src/storage/disk/disk-blob-store.ts";
import type { Victim } from "../../src/storage/eviction/eviction.ts";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { storageDirectory } from "../storage/storage-directory.ts";
import { ampleBudget } from "../support/ample-budget.ts";
import { locationOf } from "../support/catalog-suite.ts";
import { noiseBlob } from "../support/images.ts";

const blob = noiseBlob("victim", 10_000);
const { digest, bytes } = blob;
const here = locationOf("docker.io", "library/alpine");

test("a victim goes, its row and its file", async () => {
  await using scene = await startScene();

  const { objects, spared } = await evictVictim(scene.tools, victim);

  assert.deepEqual([objects, spared], [1, 0]);
  assert.equal(await scene.tools.catalog.blob(digest), null);
  assert.equal(await scene.tools.store.open(digest), null);
});

// Whoever stores it anew or verifies it has the lock for as long as the disk takes, and pulls go on meanwhile.
test("what is pulled while its victim waits for the lock is spared", async () => {
  await using scene = await startScene();
  const { accesses, catalog, locks } = scene.tools;
  const lock = await locks.hold(digest);

  const evicting = evictVictim(scene.tools, victim);
  accesses.note(digest);
  lock[Symbol.dispose]();

  const { objects, spared } = await evicting;
  assert.deepEqual([objects, spared], [0, 1]);
  assert.notEqual(await catalog.blob(digest), null);
});

const victim: Victim = {
  root: digest,
  kind: "blob",
  reason: "size",
  names: [],
  freed: [{ digest, sizeBytes: bytes.length }],
  freedBytes: 12_288,
  lastAtMs: 1,
  latestAtMs: Date.parse("2100-01-01"),
  pulls: 1,
  priority: 1,
  kept: { objects: 0, bytes: 0, sharedWith: 0 },
};

async function startScene(): Promise<AsyncDisposable & { readonly tools: VictimTools }> {
  await using resources = new AsyncDisposableStack();
  const { layout } = resources.use(await storageDirectory());
  const store = await DiskBlobStore.open(layout);
  const catalog = resources.use(await SqliteCatalog.open(layout));
  await using ingest = await store.ingest(digest);
  await ingest.append([bytes]);
  await ingest.verify();
  const record = { digest, sizeBytes: bytes.length, identity: await ingest.commit() };
  await catalog.recordBlob(here, record, 1);
  const budget = ampleBudget(layout, catalog);
  const log = pino({ level: "silent" });
  const policy = evictionPolicies.lru;
  const accesses = resources.use(new Accesses({ catalog, budget, log, now: () => 1, policy }));
  const common = { store, catalog, budget, accesses, log, locks: new DigestLocks() };
  const metrics = new Metrics("0.0.0-test");
  const tools = { ...common, metrics, onRemoved: () => {}, onForgotten: () => {} };
  const own = resources.move();
  return { tools, [Symbol.asyncDispose]: () => own.disposeAsync() };
}
