import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import Database from "better-sqlite3";
import { pino } from "pino";
import { SqliteCatalog } from "../../../src/storage/catalog/sqlite-catalog.ts";
import { Statistics } from "../../../src/storage/statistics/statistics.ts";
import { Metrics } from "../../../src/telemetry/metrics.ts";
import { ampleBudget } from "../../support/ample-budget.ts";
import { storageDirectory } from "../storage-directory.ts";

const nowMs = Date.parse("2026-03-10T12:30:00Z");

// What a crash loses at most.
const flushMs = 5_000;

const hour = { fromMs: nowMs - 1_800_000, toMs: nowMs + 1_800_000, stepMs: 3_600_000 };

test("traffic is in the catalog five seconds later, without being asked for", async (t) => {
  await using scene = await startScene(t);
  scene.note();

  scene.tick();
  await scene.statistics.flush();

  assert.equal(await scene.kept(), 1);
});

test("traffic is in the catalog when statistics have ended", async (t) => {
  await using scene = await startScene(t);
  scene.note();

  await scene.statistics[Symbol.asyncDispose]();

  assert.equal(await scene.kept(), 1);
});

test("traffic that cannot be written waits, is told all the same, and is written later", async (t) => {
  await using scene = await startScene(t);
  scene.note();

  scene.alter("ALTER TABLE traffic RENAME TO away");
  for (let nth = 0; nth < 3; nth++) await scene.statistics.flush();
  const failures = await scene.failures();
  scene.alter("ALTER TABLE away RENAME TO traffic");
  const told = await scene.statistics.report(hour);

  assert.equal(failures, 3);
  assert.equal(told.total.sum.requests, 1);
  assert.equal(await scene.kept(), 1);
  assert.deepEqual(
    scene.lines().map(({ msg }) => msg),
    ["statistics could not be written, and wait in memory", "statistics are written again"],
  );
});

test("of traffic that cannot be written for longer than half a day the oldest minutes are lost, so that memory is bounded", async (t) => {
  await using scene = await startScene(t);
  scene.alter("ALTER TABLE traffic RENAME TO away");
  for (let minute = 0; minute < 800; minute++) {
    scene.note();
    scene.pass(60_000);
  }
  await scene.statistics.flush();

  assert.equal(scene.statistics.meter.pending.length, 720);
  assert.equal(scene.statistics.meter.lostMinutes, 80);
});

// Nothing fails while another process keeps the catalog's log long, or while a write hangs: the bound is met by gathering.
test("of traffic that nobody tries to write for longer than half a day the oldest minutes are lost too, and it is told", async (t) => {
  await using scene = await startScene(t);
  for (let minute = 0; minute < 721; minute++) {
    scene.pass(60_000);
    scene.note();
  }
  const waiting = scene.statistics.meter.pending.length;
  await scene.statistics.flush();

  assert.equal(waiting, 720);
  assert.deepEqual(
    scene.lines().map(({ msg, lostMinutes }) => [msg, lostMinutes]),
    [["statistics are written again", 1]],
  );
});

// Half a day in one write was 0.8 s for which all other writes waited, and more rows than the writer's queue has room for.
test("traffic that has waited is written some minutes at a time, and what follows a failure waits on", async (t) => {
  await using scene = await startScene(t);
  const { statistics, writes } = scene;
  for (let minute = 0; minute < 12; minute++) {
    scene.note();
    scene.pass(60_000);
  }

  scene.alter("ALTER TABLE traffic RENAME TO away");
  await statistics.flush();
  const failed = [...writes];
  const waiting = statistics.meter.pending.length;
  scene.alter("ALTER TABLE away RENAME TO traffic");
  await statistics.flush();

  assert.deepEqual([failed, waiting], [[5], 12]);
  assert.deepEqual(writes, [5, 5, 5, 2]);
  assert.equal(await scene.kept(), 12);
});

interface Scene extends AsyncDisposable {
  readonly statistics: Statistics;
  /** Of how many minutes each write was. */
  readonly writes: readonly number[];
  note(): void;
  tick(): void;
  pass(durationMs: number): void;
  /** Changes the catalog's file behind its back. */
  alter(sql: string): void;
  /** How many requests the catalog knows of. */
  kept(): Promise<number>;
  failures(): Promise<number>;
  lines(): { readonly msg: string; readonly lostMinutes?: number }[];
}

async function startScene(t: TestContext): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const { layout } = stack.use(await storageDirectory());
  const catalog = stack.use(await SqliteCatalog.open(layout));
  const writes: number[] = [];
  const record = catalog.recordTraffic.bind(catalog);
  catalog.recordTraffic = (traffic) => {
    writes.push(traffic.minutes.length);
    return record(traffic);
  };
  const budget = ampleBudget(layout, catalog);
  const written: string[] = [];
  const log = pino({}, { write: (line: string) => written.push(line) });
  t.mock.timers.enable({ apis: ["setInterval"] });
  let atMs = nowMs;
  const metrics = new Metrics("0");
  const statistics = stack.use(new Statistics({ catalog, budget, log, metrics, now: () => atMs }));
  const owned = stack.move();
  return {
    statistics,
    writes,
    note: () =>
      statistics.meter.note({
        upstream: "docker.io",
        kind: "blob",
        outcome: "hit",
        sentBytes: 1,
        durationMs: 1,
        isPull: false,
        client: "127.0.0.1",
      }),
    tick: () => t.mock.timers.tick(flushMs),
    pass: (durationMs) => {
      atMs += durationMs;
    },
    alter: (sql) => {
      using foreign = new DisposableStack();
      foreign.adopt(new Database(layout.catalogFile), (it) => it.close()).exec(sql);
    },
    kept: async () =>
      (await catalog.ask({ kind: "traffic", window: hour, pending: [] })).total.sum.requests,
    failures: async () => (await metrics.statisticsFailures.get()).values[0]?.value ?? 0,
    lines: () => written.map((line) => JSON.parse(line)),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
