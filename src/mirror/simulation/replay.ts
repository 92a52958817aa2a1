import { type EvictionPolicyName, evictionPolicies } from "../eviction/eviction-policy.ts";
import { type Pull, PullReader } from "./pull-log.ts";
import {
  type CacheBounds,
  type Ranking,
  type ReplayResult,
  SimulatedCache,
} from "./simulated-cache.ts";

/** A policy of eviction, or what none can be. */
export type ReplayedPolicy = EvictionPolicyName | "belady";

/** A cache that a log is replayed against. */
export interface ReplayedCache extends CacheBounds {
  /**
   * `belady` sees the future, as no cache can: the image goes whose next pull is farthest away. With images of one size that
   * share nothing it is the optimum; with sizes and shared layers it is a limit in practice, not a proven bound.
   */
  readonly policy: ReplayedPolicy;
}

/**
 * Replays a log of pulls, in their order, against each of `caches`, and returns their results in the same order. The log is
 * read once, and no pull is kept; once more before that if `belady` is among the policies, so that it must be an iterable
 * that begins anew, not a generator.
 */
export function replay(
  pulls: Iterable<Pull>,
  caches: readonly ReplayedCache[],
): readonly ReplayResult[] {
  const future = caches.some(({ policy }) => policy === "belady") ? nextPulls(pulls) : [];
  const simulated = caches.map(
    (cache) => new SimulatedCache(cache, rankingOf(cache.policy, future)),
  );
  const reader = new PullReader();
  for (const pull of pulls) {
    const logged = reader.read(pull);
    for (const cache of simulated) cache.pull(logged);
  }
  return simulated.map(({ result }) => result);
}

function rankingOf(policy: ReplayedCache["policy"], future: readonly number[]): Ranking {
  if (policy === "belady") return (_image, { ordinal }) => -(future[ordinal] ?? never);
  const { priority } = evictionPolicies[policy];
  return priority;
}

const never = Number.MAX_SAFE_INTEGER;

/** For each pull the ordinal of the next one of the same image. */
function nextPulls(pulls: Iterable<Pull>): readonly number[] {
  const next: number[] = [];
  const last = new Map<string, number>();
  for (const { image } of pulls) {
    const previous = last.get(image);
    if (previous !== undefined) next[previous] = next.length;
    last.set(image, next.length);
    next.push(never);
  }
  return next;
}
