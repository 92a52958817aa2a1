import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { Rooms } from "../../src/mirror/eviction/rooms.ts";
import type { Fill } from "../../src/mirror/fills/fill.ts";
import { FillTable } from "../../src/mirror/fills/fill-table.ts";
import type { Ruling } from "../../src/mirror/tags/rules.ts";
import type { Repository } from "../../src/oci/repository.ts";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import { DigestLocks } from "../../src/storage/digest-locks.ts";
import { DiskBlobStore } from "../../src/storage/disk/disk-blob-store.ts";
import { Metrics } from "../../src/telemetry/metrics.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import type { Target } from "../../src/upstream/upstreams.ts";
import { storageDirectory } from "../storage/storage-directory.ts";
import { ampleBudget } from "../support/ample-budget.ts";
import { configuredUpstreams, configureOne } from "../support/configured-upstream.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { noiseBlob } from "../support/images.ts";

// It was a reader some steps later only: whoever left between ended the fill of a client that had just joined.
test("who has joined a fill reads it from that moment on: others that leave do not have it ended", async () => {
  await using scene = await startScene();
  for (let at = 1; at <= 4; at++) await scene.leave(scene.join(`left ${at}`));

  const joined = scene.join("joined");
  const fifth = scene.join("fifth");
  await scene.leave(fifth);

  assert.equal(fifth.state.kind, "failed");
  assert.equal(joined.state.kind, "connecting");
  assert.equal(joined.readers, 1);
});

test("a fill that nothing keeps ends with its last reader, and with no other", async () => {
  await using scene = await startScene();
  const fill = scene.join("passing", passing);
  scene.join("passing", passing);

  await scene.leave(fill);
  assert.equal(fill.state.kind, "connecting");
  await scene.leave(fill);

  assert.equal(fill.state.kind, "failed");
  assert.notEqual(scene.join("passing", passing), fill, "the next one begins another");
});

test("a fill that one of its readers has kept goes on without readers, whoever left last", async () => {
  await using scene = await startScene();
  const fill = scene.join("both", passing);
  scene.join("both", kept);

  for (let reader = 1; reader <= 2; reader++) await scene.leave(fill);

  assert.equal(fill.state.kind, "connecting");
});

class Scene implements AsyncDisposable {
  readonly #table: FillTable;
  readonly #target: Target;
  readonly #resources: AsyncDisposableStack;

  constructor(table: FillTable, upstream: Upstream, resources: AsyncDisposableStack) {
    this.#table = table;
    this.#target = { upstream, repository: "team/app" as Repository, via: "", login: null };
    this.#resources = resources;
  }

  /** Of the blob made of that seed, for which upstream lets wait. */
  join(seed: string, ruling: Ruling = kept): Fill {
    return this.#table.join(this.#target, noiseBlob(seed, 10).digest, ruling).fill;
  }

  /** The client has gone. */
  async leave(fill: Fill): Promise<void> {
    const gone = AbortSignal.abort(new Error("gone"));
    await assert.rejects(this.#table.open(fill, this.#target, gone), { message: "gone" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#table.abort(new Error("the test is over"));
    await this.#table.idle();
    await this.#resources.disposeAsync();
  }
}

const kept: Ruling = {
  policy: {
    ttlMs: 0,
    staleWhileRevalidateMs: 0,
    staleIfErrorMs: 0,
    negativeTtlMs: 0,
    grantTtlMs: 0,
  },
  keeps: true,
  denial: null,
  place: null,
  rule: null,
};

/** `store: false`. */
const passing: Ruling = { ...kept, keeps: false };

async function startScene(): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeUpstream.start());
  hub.overrideAll(() => {});
  const { layout } = resources.use(await storageDirectory());
  const catalog = resources.use(await SqliteCatalog.open(layout));
  const configured = resources.use(configuredUpstreams({}));
  const endpoints = [new URL(hub.url)];
  const upstream = configureOne(configured, { name: "docker.io", endpoints });
  const table = new FillTable({
    store: resources.use(await DiskBlobStore.open(layout)),
    catalog,
    rooms: new Rooms(ampleBudget(layout, catalog), null, () => false),
    locks: new DigestLocks(),
    metrics: new Metrics("0.0.0-test"),
    log: pino({ level: "silent" }),
    now: () => 1,
  });
  return new Scene(table, upstream, resources.move());
}
