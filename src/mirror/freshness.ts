import type { UpstreamFailure } from "../upstream/upstream-error.ts";

/** How long what upstream once said is believed. Durations in ms. */
export interface FreshnessPolicy {
  /** A tag is not asked again for so long. */
  readonly ttlMs: number;
  /** A tag that cannot be asked again is believed for so long all the same. */
  readonly staleIfErrorMs: number;
  /** A refusal (401, 403) is not believed at once: registries refuse by mistake when they are in trouble. */
  readonly grantTtlMs: number;
}

/**
 * How long a tag is still fresh; 0 if it must be revalidated. A check that lies in the future was made by
 * another clock, so it counts for nothing.
 */
export function freshForMs(checkedAtMs: number, nowMs: number, policy: FreshnessPolicy): number {
  if (checkedAtMs > nowMs) return 0;
  return Math.max(0, checkedAtMs + policy.ttlMs - nowMs);
}

/** Whether what was last checked then may be served although upstream failed to say so again. */
export function mayServeStale(
  failure: UpstreamFailure,
  checkedAtMs: number,
  nowMs: number,
  policy: FreshnessPolicy,
): boolean {
  const limitMs = failure.kind === "refused" ? policy.grantTtlMs : policy.staleIfErrorMs;
  return nowMs - checkedAtMs < limitMs;
}
