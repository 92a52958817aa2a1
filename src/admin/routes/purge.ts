import { createRoute, z } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import type { Freed } from "../../mirror/eviction/victim-eviction.ts";
import { imageName } from "../../oci/image-name.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { count, errorSchema, jsonOf, orderOf } from "../answers.ts";
import { readImage } from "../asked-image.ts";
import { askedPatterns, isName, readPattern } from "../asked-pattern.ts";
import { type ToldVictim, toldVictim, victimSchema } from "../told-victim.ts";
import { unknownImage } from "../unknown-image.ts";

/** What is asked of `POST /api/v1/purge`. */
export interface PurgeOrder {
  /** Whether only the plan is wanted. */
  readonly dryRun: boolean;
  readonly patterns: readonly string[];
}

/** The plan, if only that was asked for; else what was done. In bytes on the disk. */
export type PurgeAnswer =
  | {
      readonly dryRun: true;
      /** Tags that are forgotten, in full. */
      readonly tags: readonly string[];
      /** What nothing else needs or names. */
      readonly victims: readonly ToldVictim[];
      readonly freedBytes: number;
      /** Which pins would keep it from being evicted: not from this. */
      readonly pinned: readonly string[];
    }
  | ({ readonly dryRun: false; readonly tags: number } & Omit<Freed, "spared">);

/** `POST /api/v1/purge`. */
export function addPurge(api: AdminApi, tools: AdminTools): void {
  api.openapi(purgeRoute, async (context) => {
    return context.json(await answerPurge(tools, context.req.valid("json")), 200);
  });
}

async function answerPurge(tools: AdminTools, order: PurgeOrder): Promise<PurgeAnswer> {
  const { purger, pins } = tools.mirror;
  const patterns = order.patterns.map((written) => readPattern(tools, written));
  const plan = await purger.plan(patterns, await pins.patterns());
  const [unmatched] = plan.unmatched;
  if (unmatched !== undefined) throw await nothingOf(tools, unmatched);
  const { tags, victims, freedBytes, pinned } = plan;
  if (order.dryRun) {
    const names = tags.map((row) => imageName(row, { kind: "tag", tag: row.tag }));
    return { dryRun: true, tags: names, victims: victims.map(toldVictim), freedBytes, pinned };
  }
  const { spared: _none, ...freed } = await purger.purge(plan);
  return { dryRun: false, tags: tags.length, ...freed };
}

/** Nothing is purged where one of several names is wrong. */
async function nothingOf(tools: AdminTools, pattern: string): Promise<HTTPException> {
  if (isName(pattern)) return await unknownImage(tools, readImage(tools, pattern));
  return new HTTPException(404, {
    message: `nothing that is stored matches ${pattern}; sluice ls lists what is`,
  });
}

const orderSchema: z.ZodType<PurgeOrder> = z
  .strictObject({
    dryRun: z.boolean().openapi({ description: "Whether only the plan is wanted." }),
    patterns: askedPatterns,
  })
  .openapi("PurgeOrder");

const answerSchema: z.ZodType<PurgeAnswer> = z
  .discriminatedUnion("dryRun", [
    z
      .object({
        dryRun: z.literal(true),
        tags: z.array(z.string()).readonly().openapi({ description: "Those that are forgotten." }),
        victims: z.array(victimSchema).readonly(),
        freedBytes: count,
        pinned: z.array(z.string()).readonly().openapi({
          description: "Pins that would keep some of it from being evicted: not from this.",
        }),
      })
      .openapi("PurgePlan"),
    z
      .object({
        dryRun: z.literal(false),
        tags: count,
        roots: count,
        objects: count,
        bytes: count,
        freedBytes: count,
      })
      .openapi("Purged"),
  ])
  .openapi("PurgeAnswer");

const purgeRoute = createRoute({
  method: "post",
  path: "/api/v1/purge",
  summary: "Removes images, or tells what would go.",
  request: { body: orderOf(orderSchema) },
  responses: {
    200: jsonOf("What would go, or what went.", answerSchema),
    400: jsonOf("The body is no order, or one of them is no image.", errorSchema),
    404: jsonOf("Nothing is stored of one of them: nothing was removed.", errorSchema),
  },
});
