import { createRoute, z } from "@hono/zod-openapi";
import type { Counter, MetricValue } from "prom-client";
import { readWindow } from "../../storage/statistics/traffic-window.ts";
import { isoTime } from "../../telemetry/iso-time.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { count, errorSchema, jsonOf } from "../answers.ts";
import { type EndpointStats, endpointStatsOf, endpointStatsSchema } from "../endpoint-stats.ts";
import { type LimitStats, limitStatsOf, limitStatsSchema } from "../limit-stats.ts";
import { type Savings, savingsFields, savingsOf, totalOf } from "../savings.ts";
import { stepQuery, windowQuery } from "../traffic-query.ts";
import { type TrafficStats, trafficSchema, trafficStatsOf } from "../traffic-schema.ts";

/** What the mirror did for one upstream since the daemon started. */
export interface UpstreamStats {
  readonly upstream: string;
  /** Pulls of manifests and blobs, and listings, in all. */
  requests: number;
  /** Answered from what is stored; upstream was at most asked whether a tag had moved. */
  hits: number;
  /** Filled from upstream, or joined to a fill that was running. */
  misses: number;
  /** Answered from what is stored because upstream gave no answer. */
  stale: number;
  errors: number;
  /** Passed through because the disk took no more. */
  unstored: number;
  /** Bytes of content sent to clients. */
  sentBytes: number;
  /** Bytes of content received from upstream. */
  receivedBytes: number;
}

export interface Stats extends PresentStats {
  /** What happened in the window that was asked about, over restarts too; null where none was. */
  readonly traffic: TrafficStats | null;
}

/** What is known without a window. */
export interface PresentStats {
  /** When the daemon began to count, as an ISO 8601 time; null where none runs. */
  readonly since: string | null;
  readonly upstreams: readonly (UpstreamStats & Savings)[];
  /** Of all upstreams together. */
  readonly total: Savings;
  readonly stored: {
    readonly blobs: number;
    readonly bytes: number;
    /** What counts against the bound, in bytes on the disk: content, what is arriving, the catalog. */
    readonly usedBytes: number;
    readonly limitBytes: number;
  };
  readonly fillsInFlight: number;
  readonly limits: readonly LimitStats[];
  readonly endpoints: readonly EndpointStats[];
}

const presentFields = {
  since: z.string().nullable().openapi({ format: "date-time" }),
  upstreams: z.array(
    z.object({
      upstream: z.string(),
      requests: count,
      hits: count,
      misses: count,
      stale: count,
      errors: count,
      unstored: count,
      sentBytes: count,
      receivedBytes: count,
      ...savingsFields,
    }),
  ),
  total: z.object(savingsFields),
  stored: z.object({ blobs: count, bytes: count, usedBytes: count, limitBytes: count }),
  fillsInFlight: count,
  limits: z.array(limitStatsSchema),
  endpoints: z.array(endpointStatsSchema),
};

export const presentStatsSchema: z.ZodType<PresentStats> = z.object(presentFields);

const statsSchema: z.ZodType<Stats> = z
  .object({ ...presentFields, traffic: trafficSchema.nullable() })
  .openapi("Stats");

const statsQuery = z.object({ ...windowQuery, step: stepQuery });

const statsRoute = createRoute({
  method: "get",
  path: "/api/v1/stats",
  summary:
    "Hits, misses and bytes since the daemon started, what is stored, and the traffic in a window.",
  request: { query: statsQuery },
  responses: {
    200: jsonOf("The numbers.", statsSchema),
    400: jsonOf("What was asked cannot be read.", errorSchema),
  },
});

/** `GET /api/v1/stats`. */
export function addStats(api: AdminApi, tools: AdminTools): void {
  api.openapi(statsRoute, async (context) => {
    const written = context.req.valid("query");
    const isAsked = Object.values(written).some((value) => value !== undefined);
    const read = isAsked ? readWindow(written, tools.now()) : null;
    if (read && "problem" in read) return context.json({ error: read.problem }, 400);
    const traffic = read && trafficStatsOf(await tools.statistics.report(read.window));
    return context.json({ ...(await collectStats(tools)), traffic }, 200);
  });
}

// Which column an outcome counts in; what is not here (`none`) is only a request.
const columns: Readonly<Record<string, "hits" | "misses" | "stale" | "errors">> = {
  hit: "hits",
  revalidated: "hits",
  miss: "misses",
  bypass: "misses",
  collapsed: "misses",
  stale: "stale",
  error: "errors",
};

/** What the mirror did since it started, and what it holds: the same counters that `/metrics` shows. */
export async function collectStats({
  metrics,
  catalog,
  budget,
  startedAtMs,
  configured,
}: AdminTools): Promise<PresentStats> {
  const { blobs, bytes } = await catalog.usage();
  const { usedBytes, limitBytes } = await budget.usage();
  const fills = await metrics.fillsInFlight.get();
  const upstreams = await upstreamsOf(metrics);
  return {
    since: startedAtMs === null ? null : isoTime(startedAtMs),
    upstreams: upstreams.map((one) => ({ ...one, ...savingsOf(one) })),
    total: totalOf(upstreams),
    stored: { blobs, bytes, usedBytes, limitBytes },
    fillsInFlight: fills.values.reduce((sum, { value }) => sum + value, 0),
    limits: limitStatsOf(configured.limits),
    endpoints: configured.endpoints.map(endpointStatsOf),
  };
}

async function upstreamsOf(metrics: Metrics): Promise<UpstreamStats[]> {
  const byName = new Map<string, UpstreamStats>();
  const of = (upstream: string): UpstreamStats => {
    const stats = byName.get(upstream) ?? emptyStats(upstream);
    byName.set(upstream, stats);
    return stats;
  };
  for (const { labels, value } of await countedBy(metrics.requests)) {
    if (!labels.upstream) continue;
    const stats = of(String(labels.upstream));
    const column = columns[String(labels.outcome)];
    stats.requests += value;
    if (column) stats[column] += value;
  }
  for (const { labels, value } of await countedBy(metrics.sentBytes)) {
    if (labels.upstream) of(String(labels.upstream)).sentBytes += value;
  }
  for (const { labels, value } of await countedBy(metrics.unstoredPulls)) {
    of(String(labels.upstream)).unstored += value;
  }
  for (const { labels, value } of await countedBy(metrics.upstreamReceivedBytes)) {
    of(String(labels.upstream)).receivedBytes += value;
  }
  return [...byName.values()].sort((a, b) => a.upstream.localeCompare(b.upstream));
}

/** What has begun at 0 and is still there says nothing. */
async function countedBy<Label extends string>(
  counter: Counter<Label>,
): Promise<readonly MetricValue<Label>[]> {
  return (await counter.get()).values.filter(({ value }) => value > 0);
}

function emptyStats(upstream: string): UpstreamStats {
  return {
    upstream,
    requests: 0,
    hits: 0,
    misses: 0,
    stale: 0,
    errors: 0,
    unstored: 0,
    sentBytes: 0,
    receivedBytes: 0,
  };
}
