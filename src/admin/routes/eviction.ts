import { createRoute, z } from "@hono/zod-openapi";
import type { Evicted, EvictionAim, PlannedEviction } from "../../mirror/eviction/evictor.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { count, errorSchema, jsonOf, orderOf } from "../answers.ts";
import { type ToldVictim, toldVictim, victimSchema } from "../told-victim.ts";

/** What is asked of `POST /api/v1/evict`. */
export interface EvictionOrder extends EvictionAim {
  /** Whether only the plan is wanted. */
  readonly dryRun: boolean;
  /** Of so many victims the plan tells all. */
  readonly limit: number;
}

/** The plan, if only that was asked for; else what was done, and what is used then. In bytes on the disk. */
export type EvictionAnswer =
  | EvictionOutlook
  | ({ readonly dryRun: false; readonly usedBytes: number; readonly limitBytes: number } & Evicted);

/** The plan, for who only looks. */
export interface EvictionOutlook extends Omit<PlannedEviction, "victims"> {
  readonly dryRun: true;
  readonly victims: readonly ToldVictim[];
}

/** `POST /api/v1/evict`, and `GET`, which changes nothing and so is for everybody who may look. */
export function addEviction(api: AdminApi, tools: AdminTools): void {
  api.openapi(outlookRoute, async (context) => {
    const { toBytes = null, limit } = context.req.valid("query");
    return context.json(await outlookOf(tools, { toBytes, limit }), 200);
  });
  api.openapi(evictRoute, async (context) =>
    context.json(await answerEviction(tools, context.req.valid("json")), 200),
  );
}

async function outlookOf(
  { mirror }: AdminTools,
  { toBytes, limit }: Omit<EvictionOrder, "dryRun">,
): Promise<EvictionOutlook> {
  const plan = await mirror.evictor.plan({ toBytes }, limit);
  return { dryRun: true, ...plan, victims: plan.victims.map(toldVictim) };
}

async function answerEviction(
  tools: AdminTools,
  { dryRun, toBytes, limit }: EvictionOrder,
): Promise<EvictionAnswer> {
  if (dryRun) return await outlookOf(tools, { toBytes, limit });
  const { mirror, budget } = tools;
  const evicted = await mirror.evictor.evict({ toBytes });
  const { usedBytes, limitBytes } = await budget.usage();
  return { dryRun, usedBytes, limitBytes, ...evicted };
}

const bytes = count.openapi({ description: "In bytes on the disk." });

// A victim has about twenty blobs of a hundred bytes each: an answer of some 2 MB, in memory once.
const victimsLimit = 1_000;

const evictionOrderSchema: z.ZodType<EvictionOrder> = z
  .strictObject({
    dryRun: z.boolean().openapi({ description: "Whether only the plan is wanted." }),
    toBytes: count.nullable().default(null).openapi({
      description:
        "What everything under the storage directory may take in the end; null for the low watermark.",
    }),
    limit: z.number().int().positive().max(victimsLimit).default(victimsLimit).openapi({
      description:
        "So many victims, the first, are told of in the plan. Its totals are those of all.",
    }),
  })
  .openapi("EvictionOrder");

const pinnedSchema = z
  .object({ roots: count, names: z.array(z.string()).readonly() })
  .openapi({ description: "What would have gone but for a pin, and the first names of it." });

const arrivingSchema = count.openapi({
  description: "How many would have gone but are being pulled: content of theirs is arriving.",
});

const planSchema = z
  .object({
    dryRun: z.literal(true),
    usedBytes: bytes,
    limitBytes: bytes,
    toBytes: bytes,
    spareBytes: z.number(),
    victims: z
      .array(victimSchema)
      .readonly()
      .openapi({ description: "The first that go, in their order; at most `limit`." }),
    images: count.openapi({ description: "How many images go in all." }),
    blobs: count.openapi({ description: "How many blobs go by themselves in all." }),
    objects: count.openapi({ description: "How many blobs go with all of them." }),
    freedBytes: bytes.openapi({ description: "By all of them, in bytes on the disk." }),
    pinned: pinnedSchema,
    arriving: arrivingSchema,
  })
  .openapi("EvictionPlan");

const outlookSchema: z.ZodType<EvictionOutlook> = planSchema;

const evictionAnswerSchema: z.ZodType<EvictionAnswer> = z
  .discriminatedUnion("dryRun", [
    planSchema,
    z
      .object({
        dryRun: z.literal(false),
        usedBytes: bytes,
        limitBytes: bytes,
        toBytes: bytes,
        roots: count,
        objects: count,
        bytes: count,
        freedBytes: bytes,
        spared: count,
        pinned: pinnedSchema,
        arriving: arrivingSchema,
      })
      .openapi("Evicted"),
  ])
  .openapi("EvictionAnswer");

const outlookRoute = createRoute({
  method: "get",
  path: "/api/v1/evict",
  summary: "What would be evicted. It is the dry run, and changes nothing.",
  request: {
    query: z.object({
      toBytes: z.coerce.number().int().nonnegative().optional().openapi({
        description: "What may be used in the end; without it the low watermark.",
      }),
      limit: z.coerce.number().int().positive().max(victimsLimit).default(50),
    }),
  },
  responses: {
    200: jsonOf("The plan, in its order.", outlookSchema),
    400: jsonOf("What was asked cannot be read.", errorSchema),
  },
});

const evictRoute = createRoute({
  method: "post",
  path: "/api/v1/evict",
  summary: "Evicts images, or tells which would go.",
  request: {
    body: orderOf(evictionOrderSchema),
  },
  responses: {
    200: jsonOf("The plan, in its order; or what was evicted.", evictionAnswerSchema),
    400: jsonOf("The body is no order.", errorSchema),
  },
});
