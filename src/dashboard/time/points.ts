import type { TrafficStats } from "../../admin/traffic-schema.ts";

type Steps = TrafficStats["total"]["steps"];

/** What happened in a step, as it is drawn. What cannot be said, for nothing was asked, is null. */
export interface Point {
  /** When the step begins, in ms since the epoch. */
  readonly atMs: number;
  readonly requests: number;
  readonly hitRate: number | null;
  readonly byteHitRate: number | null;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly errors: number;
  readonly failedFills: number;
}

/** The steps of one upstream, or of all of them together if it is null; an upstream without traffic has none. */
export function pointsOf(traffic: TrafficStats, upstream: string | null): readonly Point[] {
  const series =
    upstream === null ? traffic.total : traffic.upstreams.find((one) => one.upstream === upstream);
  const fromMs = Date.parse(traffic.from);
  const steps: Steps = series?.steps ?? [];
  return steps.map((step, at) => pointOf(step, fromMs + at * traffic.stepSeconds * 1000));
}

function pointOf(step: Steps[number], atMs: number): Point {
  const { requests, outcomes, sentBytes, receivedBytes, p50Ms, p99Ms, failedFills } = step;
  const hits = outcomes.hit + outcomes.revalidated + outcomes.stale;
  return {
    atMs,
    requests,
    hitRate: requests === 0 ? null : hits / requests,
    // What a prefetch brings is not sent at the same time.
    byteHitRate: sentBytes === 0 ? null : Math.max(0, sentBytes - receivedBytes) / sentBytes,
    sentBytes,
    receivedBytes,
    p50Ms,
    p99Ms,
    errors: outcomes.error,
    failedFills,
  };
}
