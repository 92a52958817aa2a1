import assert from "node:assert/strict";
import { test } from "node:test";
import type { PullOutcome } from "../../src/mirror/pull-outcome.ts";
import { cacheStatus } from "../../src/server/cache-status.ts";

const rows: readonly (readonly [outcome: PullOutcome, header: string])[] = [
  [{ kind: "hit", tag: null }, "sluice; hit"],
  [{ kind: "hit", tag: { ageMs: 0, ttlMs: 60_000, rule: null } }, "sluice; hit; ttl=60"],
  [{ kind: "hit", tag: { ageMs: 0, ttlMs: 1_999, rule: null } }, "sluice; hit; ttl=1"],
  [{ kind: "hit", tag: { ageMs: 0, ttlMs: 1, rule: null } }, "sluice; hit; ttl=0"],
  [{ kind: "hit", tag: { ageMs: 90_500, ttlMs: -30_500, rule: null } }, "sluice; hit; ttl=-30"],
  [
    { kind: "hit", tag: { ageMs: 0, ttlMs: 60_000, rule: "freshness.rules[2]" } },
    'sluice; hit; ttl=60; detail="freshness.rules[2]"',
  ],
  [
    { kind: "hit", tag: { ageMs: 0, ttlMs: Number.POSITIVE_INFINITY, rule: "freshness.rules[0]" } },
    'sluice; hit; detail="freshness.rules[0]"',
  ],
  [
    { kind: "bypass", rule: "freshness.rules[1]" },
    'sluice; fwd=bypass; detail="freshness.rules[1]"',
  ],
  [{ kind: "miss", stored: true }, "sluice; fwd=miss; stored"],
  [{ kind: "miss", stored: false }, "sluice; fwd=miss"],
  [{ kind: "collapsed" }, "sluice; fwd=miss; collapsed"],
  [{ kind: "revalidated", ttlMs: 60_000 }, "sluice; fwd=stale; ttl=60; detail=revalidated"],
  [
    {
      kind: "stale",
      tag: { ageMs: 0, ttlMs: -3_600_000, rule: null },
      reason: "docker.io cannot be reached",
    },
    'sluice; fwd=stale; ttl=-3600; detail="docker.io cannot be reached"',
  ],
  [
    { kind: "stale", tag: { ageMs: 0, ttlMs: -1000, rule: null }, reason: 'a "quote" and a \\' },
    'sluice; fwd=stale; ttl=-1; detail="a \\"quote\\" and a \\\\"',
  ],
  [
    {
      kind: "stale",
      tag: { ageMs: 0, ttlMs: -1000, rule: null },
      reason: "line\r\nSet-Cookie: a\u00e9\u{1f600}\0",
    },
    'sluice; fwd=stale; ttl=-1; detail="line??Set-Cookie: a????"',
  ],
  [{ kind: "stale", tag: null, reason: "down" }, 'sluice; fwd=stale; detail="down"'],
];

for (const [outcome, header] of rows) {
  test(`${JSON.stringify(outcome)} is told as ${header}`, () => {
    assert.equal(cacheStatus(outcome), header);
  });
}
