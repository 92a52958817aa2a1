import type { UpstreamFailure } from "../../upstream/upstream-error.ts";

/** How long what upstream once said is believed. Durations in ms. */
export interface FreshnessPolicy {
  /** A tag is not asked again for so long. */
  readonly ttlMs: number;
  /** For so long after that it is answered as it was, and asked again behind the answer. */
  readonly staleWhileRevalidateMs: number;
  /** A tag that cannot be asked again is believed for so long all the same. */
  readonly staleIfErrorMs: number;
  /** "Not found" is believed for so long. */
  readonly negativeTtlMs: number;
  /**
   * A proof that a repository may be served is believed for so long. A refusal (401, 403) of a tag is not believed
   * before: registries refuse by mistake when they are in trouble.
   */
  readonly grantTtlMs: number;
}

export type Freshness =
  /** Not asked again yet. */
  | "fresh"
  /** Answered, and asked again behind the answer. */
  | "usable"
  /** Asked again before the answer. */
  | "stale";

/**
 * A check that lies in the future was made by another clock, so it counts for nothing; but a tag that never moves needs
 * none.
 */
export function freshnessOf(
  checkedAtMs: number,
  nowMs: number,
  policy: FreshnessPolicy,
): Freshness {
  const ageMs = nowMs - checkedAtMs;
  if (policy.ttlMs === Number.POSITIVE_INFINITY) return "fresh";
  if (ageMs < 0) return "stale";
  if (ageMs < policy.ttlMs) return "fresh";
  return ageMs < policy.ttlMs + policy.staleWhileRevalidateMs ? "usable" : "stale";
}

// While pulls are few a tag is believed so many times as long, and at most an hour longer.
const stretch = { times: 10, atMostMs: 3_600_000 };

/** How long what upstream says is believed while it lets us have few more pulls. */
export function stretched(policy: FreshnessPolicy): FreshnessPolicy {
  const { ttlMs } = policy;
  return { ...policy, ttlMs: Math.min(ttlMs * stretch.times, ttlMs + stretch.atMostMs) };
}

/**
 * Whether what was last checked then may be served although upstream failed to say so again. A check that lies in the
 * future stands in for an upstream in trouble, which a clock that was set wrong can be the cause of, but not against a
 * refusal.
 */
export function mayServeStale(
  failure: UpstreamFailure,
  checkedAtMs: number,
  nowMs: number,
  policy: FreshnessPolicy,
): boolean {
  // Who says that upstream is never asked wants what there is.
  if (failure.kind === "offline") return true;
  const ageMs = nowMs - checkedAtMs;
  if (failure.kind === "refused") return ageMs >= 0 && ageMs < policy.grantTtlMs;
  return ageMs < policy.staleIfErrorMs;
}

/**
 * How far a proof has aged. A "good" one is enough; an "aging" one is renewed behind the answer, so that what is pulled
 * often never waits for it; an "expired" one is renewed before.
 */
export function proofAge(
  provenAtMs: number,
  nowMs: number,
  { grantTtlMs }: FreshnessPolicy,
): "good" | "aging" | "expired" {
  const ageMs = nowMs - provenAtMs;
  if (ageMs < 0 || ageMs >= grantTtlMs) return "expired";
  return ageMs < grantTtlMs / 2 ? "good" : "aging";
}
