import assert from "node:assert/strict";
import { test } from "node:test";
import type { TrafficStats } from "../../src/admin/traffic-schema.ts";
import { renderTraffic } from "../../src/cli/output/traffic-table.ts";
import { imageOfSize } from "../support/images.ts";
import { CommandScene } from "./command-scene.ts";

test("stats --window tells the traffic of each upstream and each step", async () => {
  await using scene = await CommandScene.start();
  const image = imageOfSize("counted", 1024 ** 2);
  scene.hub.addImage("library/app", "1", image);
  for (let pull = 0; pull < 2; pull++) await scene.pull("app", "1", image);

  const { stdout } = await scene.run("stats", "--window", "2h", "--step", "1h");

  assert.match(stdout, /^window {3}2025-12-31 23:00Z to 2026-01-01 01:00Z, by 1h\n\nUPSTREAM/);
  assert.match(stdout, /\ndocker\.io +6 +50\.0% +0 +2 MiB +1 MiB +\S+ +\S+\n/);
  assert.match(stdout, /\n2025-12-31 23:00 +0 +0 +0 B +0 B\n2026-01-01 00:00 +6 +50\.0% /);
});

test("stats refuses a window of too many steps with a sentence", async () => {
  await using scene = await CommandScene.start();
  const { code, stderr } = await scene.run("stats", "--window", "7d", "--step", "1m");
  assert.equal(code, 2);
  assert.match(stderr, /10080 steps, more than 1500/);
});

const sums: TrafficStats["total"]["steps"][number] = {
  requests: 1_234_567,
  outcomes: {
    hit: 1_234_567,
    revalidated: 0,
    stale: 0,
    collapsed: 0,
    miss: 0,
    bypass: 0,
    error: 0,
    none: 0,
  },
  sentBytes: 12 * 2 ** 40,
  receivedBytes: 123 * 2 ** 30,
  pulls: 1,
  savedPulls: 1,
  fills: 1,
  failedFills: 0,
  p50Ms: 999,
  p99Ms: 123_456,
};

test("large numbers and long names in tables of traffic stay within 80 columns", () => {
  const sum = { ...sums, hitRate: 1, byteHitRate: 1, savedBytes: 1 };
  const series = { sum, kinds: [], steps: [sums, sums] };
  const text = renderTraffic({
    from: "2026-01-01T00:00:00.000Z",
    to: "2026-01-01T02:00:00.000Z",
    stepSeconds: 3600,
    total: series,
    upstreams: [
      { upstream: "registry.internal.example.com:5000", ...series },
      { upstream: "docker.io", ...series },
    ],
  });

  for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
  assert.match(text, /\nregis\S+00 +1234567 +100\.0% /);
});
