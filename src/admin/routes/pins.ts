import { createRoute, z } from "@hono/zod-openapi";
import { type Pin, type PinReport, pinsLimit, type Unpinned } from "../../mirror/eviction/pins.ts";
import { isoTime } from "../../telemetry/iso-time.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { count, errorSchema, jsonOf, orderOf, time } from "../answers.ts";
import { askedPatterns, readPattern } from "../asked-pattern.ts";

/** The patterns that are pinned, and what they match. In bytes on the disk. */
export interface PinsAnswer extends Omit<PinReport, "pins"> {
  readonly pins: readonly ToldPin[];
}

export interface ToldPin extends Omit<Pin, "pinnedAtMs"> {
  /** null for the configuration. */
  readonly pinnedAt: string | null;
}

/** `GET /api/v1/pins`. */
export function addPins(api: AdminApi, { mirror }: AdminTools): void {
  api.openapi(pinsRoute, async (context) => context.json(told(await mirror.pins.report()), 200));
}

/** `POST /api/v1/pin` and `/api/v1/unpin`. */
export function addPinning(api: AdminApi, tools: AdminTools): void {
  const { pins } = tools.mirror;
  api.openapi(pinRoute, async (context) => {
    const { dryRun, patterns: written } = context.req.valid("json");
    const patterns = written.map((one) => readPattern(tools, one));
    if (dryRun) return context.json(told(await pins.planned(patterns)), 200);
    if (await pins.pin(patterns)) return context.json(told(await pins.report()), 200);
    return context.json({ error: `${pinsLimit} patterns can be pinned, and not more` }, 409);
  });
  api.openapi(unpinRoute, async (context) => {
    const patterns = context.req.valid("json").patterns.map((one) => readPattern(tools, one));
    const unpinned = await pins.unpin(patterns);
    if (unpinned.kind === "unpinned") return context.json(told(await pins.report()), 200);
    return context.json({ error: refusalOf(unpinned) }, 409);
  });
}

function told({ pins, ...report }: PinReport): PinsAnswer {
  const toldPins = pins.map(({ pattern, by, pinnedAtMs, images }) => {
    const pinnedAt = pinnedAtMs === null ? null : isoTime(pinnedAtMs);
    return { pattern, by, pinnedAt, images };
  });
  return { pins: toldPins, ...report };
}

function refusalOf({ kind, pattern }: Exclude<Unpinned, { kind: "unpinned" }>): string {
  if (kind === "unknown") {
    return `${pattern} is not pinned, so nothing was changed; sluice pin --list shows what is`;
  }
  return `${pattern} is pinned by eviction.pins of the configuration: take it out there and reload, nothing was changed`;
}

const pinsSchema: z.ZodType<PinsAnswer> = z
  .object({
    pins: z
      .array(
        z.object({
          pattern: z.string(),
          by: z.enum(["configuration", "operator"]).openapi({
            description:
              "What `eviction.pins` of the configuration pins can be unpinned only there.",
          }),
          pinnedAt: time.nullable().openapi({ description: "null for the configuration." }),
          images: count.openapi({ description: "How many images it matches now." }),
        }),
      )
      .readonly(),
    pinnedBytes: count.openapi({
      description: "What all of them keep together, in bytes on the disk.",
    }),
    lowWatermarkBytes: count.openapi({
      description: "Where evicting ends: more than that should not be pinned.",
    }),
  })
  .openapi("Pins");

const pinOrderSchema = z
  .strictObject({
    dryRun: z.boolean().default(false).openapi({
      description: "Whether only what would be pinned then is wanted.",
    }),
    patterns: askedPatterns,
  })
  .openapi("PinOrder");

const unpinOrderSchema = z.strictObject({ patterns: askedPatterns }).openapi("UnpinOrder");

const pinsRoute = createRoute({
  method: "get",
  path: "/api/v1/pins",
  summary: "The images that are never evicted.",
  responses: { 200: jsonOf("The patterns, and what they match.", pinsSchema) },
});

const responses = {
  200: jsonOf("What is pinned then.", pinsSchema),
  400: jsonOf("One of them is no pattern.", errorSchema),
  409: jsonOf("It cannot be; nothing was changed.", errorSchema),
};

const pinRoute = createRoute({
  method: "post",
  path: "/api/v1/pin",
  summary: "Pins images, so that they are not evicted.",
  request: { body: orderOf(pinOrderSchema) },
  responses,
});

const unpinRoute = createRoute({
  method: "post",
  path: "/api/v1/unpin",
  summary: "Lets images be evicted again.",
  request: { body: orderOf(unpinOrderSchema) },
  responses,
});
