import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runInOwnNetwork } from "../support/own-network.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import type { Findings, Weather } from "./programs/pull-through-weather.ts";

const program = fileURLToPath(new URL("programs/pull-through-weather.ts", import.meta.url));

const weather: Weather = {
  near: "203.0.113.5",
  far: "203.0.113.6",
  oneWayMs: 100,
  loss: 0.01,
  bitsPerSecond: 8_000_000,
  partition: { eachMs: 4_000, forMs: 1_000 },
  resets: 0.05,
  pulls: 24,
  sizesBytes: [10_000, 300_000],
  compared: 0,
  seed: 1,
};

// The long forms, each with weather of its own and against curl, are in test/soak/network-weather.ts.
test("over a long line that loses packets, resets connections and is gone at times, all that is pulled comes whole", async (t) => {
  if (!(haveAll(t, "ip", "iptables", "python3", "unshare") && haveRoot(t))) return;
  const found = JSON.parse(await runInOwnNetwork(program, [weather.near], weather)) as Findings;
  t.diagnostic(JSON.stringify(found));

  assert.equal(found.whole, weather.pulls);
  // What is on its way when a connection ends counts as sent, and may be all of a blob.
  assert.ok(found.upstreamBytes <= found.contentBytes * 2);
  // What clients pull again is a request each; beside them there are retries and probes.
  assert.ok(found.upstreamRequests <= 3 * (weather.pulls + found.again));
});
