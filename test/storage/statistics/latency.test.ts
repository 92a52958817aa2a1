import assert from "node:assert/strict";
import { test } from "node:test";
import {
  latencyBucketOf,
  latencyBuckets,
  latencyQuantile,
  noLatencies,
} from "../../../src/storage/statistics/latency.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

test("a latency's quantile is right to a fifth, whatever the durations are", () => {
  const random = new SeededRandom(1);
  const durationsMs = Array.from({ length: 5_000 }, () => 0.3 * 2 ** (20 * random.next()));
  const counts = countsOf(durationsMs);
  const sorted = durationsMs.toSorted((one, other) => one - other);

  for (const share of [0.1, 0.5, 0.9, 0.99]) {
    const told = latencyQuantile(counts, share) ?? 0;
    const right = sorted[Math.floor(share * sorted.length)] ?? 0;
    assert.ok(Math.abs(told / right - 1) < 0.2, `${share}: ${told} instead of ${right}`);
  }
});

test("latencies of two minutes can be added up", () => {
  const fast = [1, 1.1, 1.2];
  const slow = [800, 900, 1000];
  const together = countsOf(fast).map((count, at) => count + (countsOf(slow)[at] ?? 0));
  assert.deepEqual(together, countsOf([...fast, ...slow]));
});

test("without requests no latency is told", () => {
  assert.equal(latencyQuantile(noLatencies(), 0.5), null);
});

test("every duration has a bucket, also below zero and beyond the last one", () => {
  for (const durationMs of [0, -5, Number.NaN, 0.25]) assert.equal(latencyBucketOf(durationMs), 0);
  assert.equal(latencyBucketOf(1e12), latencyBuckets - 1);
  assert.ok((latencyQuantile(countsOf([1e12]), 0.99) ?? 0) > 600_000);
});

function countsOf(durationsMs: readonly number[]): number[] {
  const counts = noLatencies();
  for (const durationMs of durationsMs) {
    const bucket = latencyBucketOf(durationMs);
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
  return counts;
}
