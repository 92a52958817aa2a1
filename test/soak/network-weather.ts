import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runInOwnNetwork } from "../support/own-network.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import type { Findings, Weather } from "./programs/pull-through-weather.ts";

const program = fileURLToPath(new URL("programs/pull-through-weather.ts", import.meta.url));

const weather: Weather = { address: "203.0.113.5", pulls: 80, seed: 1 };

test("over a line that is slow, loses packets, resets connections and is gone half of the time, all that is pulled comes whole", async (t) => {
  if (!(haveAll(t, "ip", "iptables", "tc", "unshare") && haveRoot(t))) return;
  const limits = { limitMs: 20 * 60_000 };
  const found = JSON.parse(
    await runInOwnNetwork(program, [weather.address], weather, limits),
  ) as Findings;
  t.diagnostic(JSON.stringify(found));

  assert.equal(found.whole, weather.pulls);
  assert.ok(found.upstreamBytes <= found.contentBytes * 1.35);
  // What clients pull again is a request each; beside them there are retries and probes.
  assert.ok(found.upstreamRequests <= 3 * (weather.pulls + found.again));
});
