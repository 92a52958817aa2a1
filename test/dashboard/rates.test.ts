import assert from "node:assert/strict";
import { test } from "node:test";
import type { Now } from "../../src/admin/routes/now.ts";
import type { Stats } from "../../src/admin/routes/stats.ts";
import { Rates } from "../../src/dashboard/rates.ts";

test("rates are those of the last five seconds", () => {
  const rates = new Rates();
  for (let second = 0; second <= 20; second++) {
    // For ten seconds 4 requests a second, then 10.
    const requests = second <= 10 ? 4 * second : 40 + 10 * (second - 10);
    rates.note(nowWith({ requests, sentBytes: 1000 * second }), 1000 * second);
  }

  assert.deepEqual(rates.speeds, {
    requestsPerSecond: 10,
    sentBytesPerSecond: 1000,
    receivedBytesPerSecond: 0,
  });
  assert.equal(rates.history.length, 20);
});

test("no rate is told of one moment alone, nor over a restart, whose counters begin again", () => {
  const rates = new Rates();
  rates.note(nowWith({ requests: 100 }), 0);
  assert.equal(rates.speeds, null);

  rates.note(nowWith({ requests: 110 }), 1000);
  rates.note(nowWith({ requests: 3, since: "2026-01-02T00:00:00.000Z" }), 2000);

  assert.equal(rates.speeds, null);
});

test("until two moments were seen, the speeds are those of the last whole minute", () => {
  const rates = new Rates();
  const minute = { requests: 120, sentBytes: 6_000, receivedBytes: 60 };
  const running = { requests: 1, sentBytes: 1, receivedBytes: 1 };
  rates.begin(statsWith([{ ...minute, requests: 0 }, minute, running]));

  const told = { requestsPerSecond: 2, sentBytesPerSecond: 100, receivedBytesPerSecond: 1 };
  assert.deepEqual(rates.speeds, told);
  rates.note(nowWith({ requests: 100 }), 0);
  assert.deepEqual(rates.speeds, told);

  rates.note(nowWith({ requests: 110 }), 1000);
  assert.equal(rates.speeds?.requestsPerSecond, 10);
  rates.clear();
  assert.equal(rates.speeds, null);
});

test("the history begins with the last minutes, of which each is as long as its seconds would be", () => {
  const rates = new Rates();
  const minute = { requests: 120, sentBytes: 6_000, receivedBytes: 60 };
  rates.note(nowWith({ requests: 100 }), 0);
  rates.note(nowWith({ requests: 110 }), 1000);
  rates.begin(statsWith([{ ...minute, requests: 60 }, minute, { ...minute, requests: 1 }]));

  const runs = Map.groupBy(rates.history, ({ requestsPerSecond }) => requestsPerSecond);
  assert.deepEqual(
    [...runs].map(([speed, seconds]) => [speed, seconds.length]),
    [
      [1, 29],
      [2, 60],
      [10, 1],
    ],
  );

  rates.clear();
  rates.begin(statsWith([minute, minute]));
  assert.equal(rates.history.length, 60);
});

test("the history of rates is ninety seconds long", () => {
  const rates = new Rates();
  for (let second = 0; second < 1_000; second++) {
    rates.note(nowWith({ requests: second }), 1000 * second);
  }

  assert.equal(rates.history.length, 90);
});

test("a fill has a speed of its own, from when it was seen first", () => {
  const rates = new Rates();
  rates.note(nowWith({}), 0);
  rates.note(nowWith({ fillBytes: 100 }), 1000);
  assert.equal(rates.bytesPerSecondOf("docker.io", "sha256:1"), null);
  rates.note(nowWith({ fillBytes: 400 }), 2000);
  rates.note(nowWith({ fillBytes: 500 }), 3000);

  assert.equal(rates.bytesPerSecondOf("docker.io", "sha256:1"), 200);
  assert.equal(rates.bytesPerSecondOf("ghcr.io", "sha256:1"), null);
});

interface Step {
  readonly requests: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** Of the answer the part that counts here. */
function statsWith(steps: readonly Step[]): Stats {
  return { traffic: { stepSeconds: 60, total: { steps } } } as unknown as Stats;
}

interface Moment {
  readonly requests?: number;
  readonly sentBytes?: number;
  readonly since?: string;
  readonly fillBytes?: number;
}

/** As much of it as rates are made of. */
function nowWith({
  requests = 0,
  sentBytes = 0,
  since = "2026-01-01T00:00:00.000Z",
  fillBytes,
}: Moment): Now {
  const fill = { upstream: "docker.io", digest: "sha256:1", doneBytes: fillBytes };
  const now = {
    stats: { since, upstreams: [{ requests, sentBytes, receivedBytes: 0 }] },
    fills: fillBytes === undefined ? [] : [fill],
  };
  return now as unknown as Now;
}
