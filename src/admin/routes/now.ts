import { createRoute, z } from "@hono/zod-openapi";
import type { RunningFill } from "../../mirror/fills/running-fill.ts";
import { isoTime } from "../../telemetry/iso-time.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { count, jsonOf } from "../answers.ts";
import { type DiskStats, diskSchema, diskStatsOf } from "../disk-stats.ts";
import { type FillImages, openFillImages } from "../fill-images.ts";
import { loadSchema, type UpstreamLoad } from "../load.ts";
import { collectStats, type PresentStats, presentStatsSchema } from "./stats.ts";

/** A fill that runs, and what it is for. */
export interface FillNow extends Omit<RunningFill, "repository" | "digest"> {
  readonly repository: string;
  readonly digest: string;
  /** The full name of an image that needs it; null as long as none is known. */
  readonly image: string | null;
}

/** What the mirror does at this moment, and what it did since it started. */
export interface Now {
  /** The mirror's clock, as an ISO 8601 time. */
  readonly at: string;
  readonly version: string;
  readonly ready: boolean;
  /** Why it cannot serve. */
  readonly reasons: readonly string[];
  readonly stats: PresentStats;
  readonly disk: DiskStats;
  /** In the order they began; a hundred at most. */
  readonly fills: readonly FillNow[];
  /** How much of the mirror each upstream takes, in the order of the configuration. */
  readonly loads: readonly UpstreamLoad[];
}

// More than anybody reads, and less than makes an event of megabytes.
const fillsLimit = 100;

/** `GET /api/v1/now`. */
export function addNow(api: AdminApi, collect: () => Promise<Now>): void {
  api.openapi(nowRoute, async (context) => context.json(await collect(), 200));
}

/** What collects it: it keeps for some seconds which images the fills are for. */
export function nowCollector(tools: AdminTools): () => Promise<Now> {
  const images = openFillImages(tools.catalog);
  return () => collectNow(tools, images);
}

async function collectNow(tools: AdminTools, images: FillImages): Promise<Now> {
  const { mirror, budget, health, version, now, configured } = tools;
  const fills = mirror.fills.slice(0, fillsLimit);
  const [stats, { ready, reasons }, usage, named] = await Promise.all([
    collectStats(tools),
    health.readiness(),
    budget.usage(),
    Promise.all(fills.map((fill) => images(fill))),
  ]);
  return {
    at: isoTime(now()),
    version,
    ready,
    reasons,
    stats,
    disk: diskStatsOf(usage, mirror.evictor.settings),
    fills: fills.map((fill, at) => ({ ...fill, image: named[at] ?? null })),
    loads: configured.loads,
  };
}

export const nowSchema: z.ZodType<Now> = z
  .object({
    at: z.string().openapi({ format: "date-time" }),
    version: z.string(),
    ready: z.boolean(),
    reasons: z.array(z.string()).readonly(),
    stats: presentStatsSchema,
    disk: diskSchema,
    fills: z
      .array(
        z.object({
          upstream: z.string(),
          repository: z.string(),
          digest: z.string(),
          image: z.string().nullable().openapi({
            description: "An image that needs it; null as long as none is known.",
          }),
          state: z.enum(["connecting", "streaming", "verified"]),
          doneBytes: count,
          totalBytes: count.nullable(),
          readers: count.openapi({ description: "How many clients follow it." }),
        }),
      )
      .readonly()
      .openapi({ description: "In the order they began; a hundred at most." }),
    loads: z
      .array(loadSchema)
      .readonly()
      .openapi({ description: "How much of the mirror each upstream takes." }),
  })
  .openapi("Now");

const nowRoute = createRoute({
  method: "get",
  path: "/api/v1/now",
  summary: "What the mirror does at this moment: fills, disk, and the statistics.",
  responses: { 200: jsonOf("This moment.", nowSchema) },
});
