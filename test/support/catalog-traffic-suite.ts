import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Catalog } from "../../src/storage/catalog.ts";
import type { SavingsReport } from "../../src/storage/statistics/savings-report.ts";
import { type MeteredRequest, TrafficMeter } from "../../src/storage/statistics/traffic-meter.ts";
import type { TrafficReport } from "../../src/storage/statistics/traffic-report.ts";
import {
  readWindow,
  type TrafficWindow,
  type WrittenWindow,
} from "../../src/storage/statistics/traffic-window.ts";
import type { CatalogFixture } from "./catalog-suite.ts";

const nowMs = Date.parse("2026-03-10T12:30:00Z");
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

// More than any of these tests writes.
const roomyBytes = 2 ** 30;

/** What every Catalog must do with traffic. */
export function catalogTrafficSuite(
  name: string,
  openFixture: () => Promise<CatalogFixture>,
): void {
  suite(`${name} as a Catalog of traffic`, () => {
    for (const step of ["1m", "1h", "1d"]) {
      test(`traffic that was recorded in parts is told in all, by steps of ${step}`, async () => {
        await using fixture = await openFixture();
        const { catalog } = fixture;
        await record(catalog, nowMs, [{ durationMs: 1 }, { upstream: "ghcr.io" }]);
        await record(catalog, nowMs, [{ outcome: "miss", durationMs: 1000 }]);

        const { total, upstreams } = await reportOf(catalog, { window: step, step });

        assert.partialDeepStrictEqual(total.steps, [
          { requests: 3, outcomes: { hit: 2, miss: 1 }, sentBytes: 300 },
        ]);
        assert.deepEqual(
          upstreams.map(({ upstream, sum }) => [upstream, sum.requests]),
          [
            ["docker.io", 2],
            ["ghcr.io", 1],
          ],
        );
        const hub = upstreams[0]?.sum;
        assert.ok(hub?.p99Ms && hub.p99Ms > 700 && hub.p50Ms && hub.p50Ms < 2);
      });
    }

    test("traffic lies in the step that it happened in, and outside of the window it is not told", async () => {
      await using fixture = await openFixture();
      const { catalog } = fixture;
      for (const hoursAgo of [0, 1, 1, 3, 24])
        await record(catalog, nowMs - hoursAgo * hourMs, [{}]);

      const { total } = await reportOf(catalog, { window: "4h", step: "1h" });

      assert.deepEqual(
        total.steps.map(({ requests }) => requests),
        [1, 0, 2, 1],
      );
    });

    test("traffic that is not written yet is told with what is", async () => {
      await using fixture = await openFixture();
      const { catalog } = fixture;
      await record(catalog, nowMs, [{}]);
      const window = windowOf({ window: "1h", step: "1h" });
      const { pending } = metered(nowMs, [{}, {}]);

      const report = await catalog.ask({ kind: "traffic", window, pending });

      assert.equal(report.total.sum.requests, 3);
    });

    test("savings are told by network, those that saved most first", async () => {
      await using fixture = await openFixture();
      const { catalog } = fixture;
      await record(catalog, nowMs, [
        { client: "192.0.2.1", isPull: true },
        { client: "192.0.2.2", outcome: "miss", isPull: true },
        { client: "2001:db8::1", sentBytes: 500 },
      ]);

      const { rows, total } = await savingsOf(catalog, { window: "24h", step: "1h" }, "network");

      assert.deepEqual(rows, [
        { ...noRow, name: "2001:db8::/64", requests: 1, sentBytes: 500, savedBytes: 500 },
        {
          name: "192.0.2.0/24",
          requests: 2,
          pulls: 2,
          savedPulls: 1,
          sentBytes: 200,
          savedBytes: 100,
        },
      ]);
      assert.partialDeepStrictEqual(total, {
        requests: 3,
        pulls: 2,
        savedPulls: 1,
        sentBytes: 700,
      });
    });

    test("savings by upstream are bytes sent beyond those received", async () => {
      await using fixture = await openFixture();
      const { catalog } = fixture;
      const meter = metered(nowMs, [{ outcome: "miss" }, {}, {}]);
      meter.noteReceived("docker.io", { receivedBytes: 120, fills: 1, failedFills: 0 });
      await recordMeter(catalog, meter, nowMs);

      const { rows } = await savingsOf(catalog, { window: "30d", step: "1d" }, "upstream");

      assert.partialDeepStrictEqual(rows, [{ name: "docker.io", sentBytes: 300, savedBytes: 180 }]);
    });

    test("networks beyond those that are told apart count as other", async () => {
      await using fixture = await openFixture();
      const { catalog } = fixture;
      for (const part of [0, 1, 2]) {
        const clients = Array.from({ length: 200 }, (_, at) => ({ client: `10.${part}.${at}.1` }));
        await record(catalog, nowMs, clients);
      }

      for (const step of ["1h", "1d"]) {
        const { rows } = await savingsOf(catalog, { window: step, step }, "network");
        assert.equal(rows.length, 257);
        assert.partialDeepStrictEqual(
          rows.filter(({ name }) => name === "other"),
          [{ requests: 344, sentBytes: 34_400 }],
        );
      }
    });

    test("minutes go after a month and hours after a year, and what they told stays in days", async () => {
      await using fixture = await openFixture();
      const { catalog } = fixture;
      const beganMs = nowMs - 420 * dayMs;
      await record(catalog, beganMs, [{}], beganMs);
      await record(catalog, nowMs - 40 * dayMs, [{}], nowMs - 40 * dayMs);
      await record(catalog, nowMs, [{}]);

      const hours = await askAll(catalog, "hours");
      const minutes = await askAll(catalog, "minutes");
      const days = await reportOf(catalog, { window: "500d", step: "1d" });

      assert.equal(minutes.total.sum.requests, 1);
      assert.equal(hours.total.sum.requests, 2);
      assert.equal(days.total.sum.requests, 3);
    });

    test("beyond its bound the oldest minutes go, a day at a time", async () => {
      await using fixture = await openFixture();
      const { catalog } = fixture;
      for (const daysAgo of [3, 2, 1, 0]) {
        await record(catalog, nowMs - daysAgo * dayMs, [{}]);
      }
      await recordMeter(catalog, metered(nowMs, [{}]), nowMs, 0);

      const minutes = await askAll(catalog, "minutes");
      const days = await reportOf(catalog, { window: "5d", step: "1d" });

      assert.equal(minutes.total.sum.requests, 4);
      assert.equal(days.total.sum.requests, 5);
    });
  });
}

const noRow = { pulls: 0, savedPulls: 0 };

const usual: MeteredRequest = {
  upstream: "docker.io",
  kind: "blob",
  outcome: "hit",
  sentBytes: 100,
  durationMs: 1,
  isPull: false,
  client: "127.0.0.1",
};

/** Requests that differ so from a usual one. */
type Requests = readonly Partial<MeteredRequest>[];

function metered(atMs: number, requests: Requests): TrafficMeter {
  const meter = new TrafficMeter(() => atMs);
  for (const request of requests) meter.note({ ...usual, ...request });
  return meter;
}

function record(
  catalog: Catalog,
  atMs: number,
  requests: Requests,
  writtenAtMs: number = nowMs,
): Promise<void> {
  return recordMeter(catalog, metered(atMs, requests), writtenAtMs);
}

function recordMeter(
  catalog: Catalog,
  meter: TrafficMeter,
  writtenAtMs: number,
  limitBytes: number = roomyBytes,
): Promise<void> {
  return catalog.recordTraffic({ minutes: meter.take(), limitBytes, nowMs: writtenAtMs });
}

function windowOf(written: WrittenWindow): TrafficWindow {
  const read = readWindow(written, nowMs);
  assert.ok("window" in read, JSON.stringify(read));
  return read.window;
}

function reportOf(catalog: Catalog, written: WrittenWindow): Promise<TrafficReport> {
  return catalog.ask({ kind: "traffic", window: windowOf(written), pending: [] });
}

/** All that is kept by a unit, however many steps that is. */
function askAll(catalog: Catalog, unit: "minutes" | "hours"): Promise<TrafficReport> {
  const toMs = nowMs + hourMs - (nowMs % hourMs);
  const stepMs = unit === "minutes" ? 1_800_000 : hourMs;
  const window = { fromMs: toMs - 500 * dayMs, toMs, stepMs };
  return catalog.ask({ kind: "traffic", window, pending: [] });
}

function savingsOf(
  catalog: Catalog,
  written: WrittenWindow,
  by: "upstream" | "network",
): Promise<SavingsReport> {
  return catalog.ask({ kind: "savings", request: { window: windowOf(written), by }, pending: [] });
}
