import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type FreshnessPolicy,
  freshnessOf,
  mayServeStale,
  proofAge,
  stretched,
} from "../../src/mirror/tags/freshness.ts";
import type { UpstreamFailure } from "../../src/upstream/upstream-error.ts";

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const policy: FreshnessPolicy = {
  ttlMs: minuteMs,
  staleWhileRevalidateMs: 10 * minuteMs,
  staleIfErrorMs: 30 * dayMs,
  negativeTtlMs: 5_000,
  grantTtlMs: dayMs,
};
const nowMs = Date.parse("2026-01-01T00:00:00Z");

const ages: readonly (readonly [ageMs: number, freshness: string])[] = [
  [0, "fresh"],
  [minuteMs - 1, "fresh"],
  [minuteMs, "usable"],
  [11 * minuteMs - 1, "usable"],
  [11 * minuteMs, "stale"],
  [30 * dayMs, "stale"],
  // Checked by a clock that has been set back since.
  [-1, "stale"],
  [-30 * dayMs, "stale"],
];

for (const [ageMs, freshness] of ages) {
  test(`a tag that was checked ${ageMs} ms ago is ${freshness}`, () => {
    assert.equal(freshnessOf(nowMs - ageMs, nowMs, policy), freshness);
  });
}

test("a tag is never fresh where the time to live is nothing", () => {
  const always = { ...policy, ttlMs: 0, staleWhileRevalidateMs: 0 };

  assert.equal(freshnessOf(nowMs, nowMs, always), "stale");
});

test("a tag that never moves is always fresh, whatever clock it was checked by", () => {
  const immutable = { ...policy, ttlMs: Number.POSITIVE_INFINITY };

  for (const ageMs of [0, 10_000 * dayMs, -dayMs]) {
    assert.equal(freshnessOf(nowMs - ageMs, nowMs, immutable), "fresh");
  }
});

const hourMs = 60 * minuteMs;

for (const [ttlMs, whileFewMs] of [
  [0, 0],
  [minuteMs, 10 * minuteMs],
  [30 * minuteMs, 90 * minuteMs],
  [dayMs, dayMs + hourMs],
  [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
] as const) {
  test(`while few pulls are left ${ttlMs} ms are ${whileFewMs}: ten times, and an hour more at most`, () => {
    assert.deepEqual(stretched({ ...policy, ttlMs }), { ...policy, ttlMs: whileFewMs });
  });
}

const refused: UpstreamFailure = { kind: "refused", status: 401, words: "", mirror: null };
const troubles: readonly UpstreamFailure[] = [
  { kind: "unreachable", reason: "ECONNREFUSED" },
  { kind: "timeout", phase: "headers" },
  { kind: "cut", reason: "" },
  { kind: "status", status: 429, words: "", retryAfter: null },
  { kind: "status", status: 500, words: "", retryAfter: null },
  { kind: "forbidden-hop", reason: "" },
  { kind: "too-large", limitBytes: 1 },
  { kind: "nonsense", reason: "" },
];

for (const failure of troubles) {
  test(`what is here stands in for 30 days for an upstream in trouble: ${JSON.stringify(failure)}`, () => {
    assert.ok(mayServeStale(failure, nowMs - 30 * dayMs + 1, nowMs, policy));
    assert.ok(!mayServeStale(failure, nowMs - 30 * dayMs, nowMs, policy));
    assert.ok(mayServeStale(failure, nowMs + dayMs, nowMs, policy), "checked by another clock");
  });
}

test("a refusal is not believed for a day, and then it is", () => {
  assert.ok(mayServeStale(refused, nowMs - dayMs + 1, nowMs, policy));
  assert.ok(!mayServeStale(refused, nowMs - dayMs, nowMs, policy));
});

test("a check that lies in the future says nothing against a refusal", () => {
  assert.ok(!mayServeStale(refused, nowMs + 1, nowMs, policy));
});

const proofs: readonly (readonly [ageMs: number, age: string])[] = [
  [0, "good"],
  [dayMs / 2 - 1, "good"],
  [dayMs / 2, "aging"],
  [dayMs - 1, "aging"],
  [dayMs, "expired"],
  [400 * dayMs, "expired"],
  [-1, "expired"],
];

for (const [ageMs, age] of proofs) {
  test(`a proof of ${ageMs} ms ago is ${age}`, () => {
    assert.equal(proofAge(nowMs - ageMs, nowMs, policy), age);
  });
}

test("a proof is never good where proofs live for nothing", () => {
  assert.equal(proofAge(nowMs, nowMs, { ...policy, grantTtlMs: 0 }), "expired");
});
