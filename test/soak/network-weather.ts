import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Findings, Weather } from "../faults/programs/pull-through-weather.ts";
import { runInOwnNetwork } from "../support/own-network.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";

const program = fileURLToPath(
  new URL("../faults/programs/pull-through-weather.ts", import.meta.url),
);

const fair: Weather = {
  near: "203.0.113.5",
  far: "203.0.113.6",
  oneWayMs: 1,
  loss: 0,
  bitsPerSecond: 100_000_000,
  partition: null,
  resets: 0,
  pulls: 50,
  sizesBytes: [10_000, 2_000_000],
  compared: 10,
  seed: 1,
};

const far = { oneWayMs: 100, loss: 0.01, bitsPerSecond: 8_000_000 };
const partition = { eachMs: 60_000, forMs: 30_000 };

const weathers: readonly (readonly [string, Weather])[] = [
  ["is long and loses packets", { ...fair, ...far }],
  ["resets connections", { ...fair, oneWayMs: 25, resets: 0.05 }],
  ["is narrow", { ...fair, oneWayMs: 25, bitsPerSecond: 1_000_000, compared: 5 }],
  ["is gone half of the time", { ...fair, oneWayMs: 25, bitsPerSecond: 8_000_000, partition }],
  ["is all of that but narrow", { ...fair, ...far, resets: 0.05, partition }],
];

// What is on its way when a connection ends counts as sent, and is asked for again.
const bytesOfContent = 1.35;

// The mirror's share of what curl gets from upstream itself: it holds the end back, and has chance against it as well.
const goodputOfDirect = 0.6;

for (const [how, weather] of weathers) {
  test(`over a line that ${how}, all that is pulled comes whole, and about as fast as without a mirror`, async (t) => {
    if (!(haveAll(t, "curl", "ip", "iptables", "python3", "unshare") && haveRoot(t))) return;
    const limits = { limitMs: 30 * 60_000 };
    const found = JSON.parse(
      await runInOwnNetwork(program, [weather.near], weather, limits),
    ) as Findings;
    t.diagnostic(JSON.stringify(found));

    assert.equal(found.whole, weather.pulls);
    assert.ok(found.upstreamBytes <= found.contentBytes * bytesOfContent);
    // What clients pull again is a request each; beside them there are retries and probes.
    assert.ok(found.upstreamRequests <= 3 * (weather.pulls + found.again));
    assert.ok(found.goodput.mirror >= found.goodput.direct * goodputOfDirect);
  });
}
