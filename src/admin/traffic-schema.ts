import { z } from "@hono/zod-openapi";
import type {
  KindSums,
  TrafficReport,
  TrafficSeries,
  TrafficSums,
} from "../storage/statistics/traffic-report.ts";
import { count, time } from "./answers.ts";
import { type Savings, savingsFields, savingsOf } from "./savings.ts";

/** What happened in a window; the sums with what was saved. */
export interface TrafficStats extends Omit<TrafficReport, "total" | "upstreams"> {
  readonly total: SavingSeries;
  readonly upstreams: readonly (SavingSeries & { readonly upstream: string })[];
}

interface SavingSeries extends Omit<TrafficSeries, "sum"> {
  readonly sum: TrafficSums & Savings;
}

const duration = z
  .number()
  .nonnegative()
  .nullable()
  .openapi({ description: "In ms, to the last byte; null where there were no requests." });

const requestFields = {
  requests: count,
  outcomes: z.object({
    hit: count,
    revalidated: count,
    stale: count,
    collapsed: count,
    miss: count,
    bypass: count,
    error: count,
    none: count.openapi({ description: "Answered without a pull, as lists are." }),
  }),
  sentBytes: count,
  p50Ms: duration,
  p99Ms: duration,
};

const sumFields = {
  ...requestFields,
  pulls: count.openapi({ description: "Images that clients took the manifest of." }),
  savedPulls: count.openapi({ description: "Of the pulls, those that cost upstream none." }),
  receivedBytes: count,
  fills: count.openapi({ description: "Downloads of blobs that ended." }),
  failedFills: count,
};

const sumsSchema: z.ZodType<TrafficSums> = z.object(sumFields).openapi("TrafficSums");

const kindSchema: z.ZodType<KindSums> = z.object({
  kind: z.enum(["blob", "manifest", "tags", "referrers"]),
  ...requestFields,
});

const seriesFields = {
  sum: z.object({ ...sumFields, ...savingsFields }),
  kinds: z.array(kindSchema),
  steps: z.array(sumsSchema),
};

export const trafficSchema: z.ZodType<TrafficStats> = z
  .object({
    from: time,
    to: time.openapi({ description: "The step before it may still be running." }),
    stepSeconds: count,
    total: z.object(seriesFields),
    upstreams: z.array(z.object({ upstream: z.string(), ...seriesFields })),
  })
  .openapi("Traffic");

export function trafficStatsOf({ total, upstreams, ...window }: TrafficReport): TrafficStats {
  return { ...window, total: saving(total), upstreams: upstreams.map(saving) };
}

function saving<Series extends TrafficSeries>(series: Series): Series & SavingSeries {
  const { requests, outcomes, sentBytes, receivedBytes } = series.sum;
  const { hit, revalidated, stale } = outcomes;
  const counted = { requests, hits: hit + revalidated, stale, sentBytes, receivedBytes };
  return { ...series, sum: { ...series.sum, ...savingsOf(counted) } };
}
