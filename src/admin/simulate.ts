import { z } from "@hono/zod-openapi";
import type { Simulation } from "../mirror/simulation.ts";

/** What `/api/v1/simulate` is asked; what the values mean is for `readSimulation` to say. */
export const simulateQuery: z.ZodObject<{
  maxSize: z.ZodOptional<z.ZodString>;
  policy: z.ZodOptional<z.ZodString>;
  days: z.ZodOptional<z.ZodString>;
}> = z.object({
  maxSize: asked("Sizes, such as 20GiB,50GiB. Without it: some around the present one."),
  policy: asked("Policies: lru, lfu, gdsf, belady. Without it: the mirror's own."),
  days: asked("So many days of the log, back from now. Without it: all of it."),
});

function asked(description: string): z.ZodOptional<z.ZodString> {
  return z.string().optional().openapi({ description });
}

const count = z.number().int().nonnegative();
const rate = z.number().min(0).max(1).nullable();
const time = z.string().nullable().openapi({ format: "date-time" });

/** The shape of `Simulation` for the OpenAPI document. */
export const simulationSchema: z.ZodType<Simulation> = z
  .object({
    from: time,
    to: time,
    days: z.number().nonnegative(),
    pulls: count,
    images: count,
    highWatermark: z.number(),
    lowWatermark: z.number(),
    caches: z.array(
      z.object({
        maxSizeBytes: count,
        policy: z.enum(["lru", "lfu", "gdsf", "belady"]),
        isPresent: z.boolean(),
        imageHitRate: rate,
        byteHitRate: rate,
        upstreamBytes: count,
        upstreamBytesPerDay: count,
        evictedImages: count,
        evictedBytes: count,
        highestBytes: count,
      }),
    ),
  })
  .openapi("Simulation");
