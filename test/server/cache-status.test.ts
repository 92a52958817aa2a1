import assert from "node:assert/strict";
import { test } from "node:test";
import type { PullOutcome } from "../../src/mirror/pull-outcome.ts";
import { cacheStatus, failedStatus } from "../../src/server/cache-status.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";

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
  [{ kind: "miss", stored: true, before: null, ageMs: 0 }, "sluice; fwd=miss; stored"],
  [{ kind: "miss", stored: false, before: null, ageMs: 0 }, "sluice; fwd=miss"],
  [{ kind: "collapsed", before: null, ageMs: 0 }, "sluice; fwd=miss; collapsed"],
  [
    { kind: "revalidated", ttlMs: 60_000, before: null, ageMs: 0 },
    "sluice; fwd=stale; ttl=60; detail=revalidated",
  ],
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
  [
    { kind: "miss", stored: true, before: "sluice; fwd=miss; stored", ageMs: 0 },
    "sluice; fwd=miss; stored, sluice; fwd=miss; stored",
  ],
  [{ kind: "collapsed", before: "cdn; hit", ageMs: 0 }, "cdn; hit, sluice; fwd=miss; collapsed"],
  [
    { kind: "revalidated", ttlMs: 1_000, before: "sluice; hit; ttl=9", ageMs: 0 },
    "sluice; hit; ttl=9, sluice; fwd=stale; ttl=1; detail=revalidated",
  ],
  [{ kind: "stale", tag: null, reason: "down" }, 'sluice; fwd=stale; detail="down"'],
];

for (const [outcome, header] of rows) {
  test(`${JSON.stringify(outcome)} is told as ${header}`, () => {
    assert.equal(cacheStatus(outcome), header);
  });
}

test("a pull that trouble has ended is told with its cause, and with upstream's status if there was one", () => {
  const failures = [
    { kind: "unreachable", reason: 'no "route"' },
    { kind: "status", status: 503, words: "busy", retryAfter: null },
    {
      kind: "relayed",
      mirror: "parent:5000",
      status: 502,
      words: "docker.io broke off",
      retryAfter: null,
    },
  ] as const;

  const told = failures.map((failure) => failedStatus(new UpstreamError("docker.io", failure)));

  assert.deepEqual(told, [
    'sluice; fwd=miss; detail="docker.io cannot be reached: no \\"route\\""',
    'sluice; fwd=miss; fwd-status=503; detail="docker.io answered with status 503: busy"',
    'sluice; fwd=miss; fwd-status=502; detail="docker.io broke off"',
  ]);
});
