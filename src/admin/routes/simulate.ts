import { createRoute, z } from "@hono/zod-openapi";
import { readSimulation, type Simulation } from "../../mirror/simulation/simulation.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { count, errorSchema, jsonOf } from "../answers.ts";

/** `GET /api/v1/simulate`. */
export function addSimulate(api: AdminApi, { mirror }: AdminTools): void {
  api.openapi(simulateRoute, async (context) => {
    const read = readSimulation(context.req.valid("query"));
    if ("problems" in read) return context.json({ error: read.problems.join("; ") }, 400);
    const { signal } = context.req.raw;
    const simulation = await mirror.simulator.simulate(read.request, signal).catch((error) => {
      // Who asked has gone, and reads no answer.
      if (signal.aborted) return null;
      throw error;
    });
    if (simulation) return context.json(simulation, 200);
    return context.json({ error: "another simulation runs: ask again in a moment" }, 503);
  });
}

// What the values mean is for `readSimulation` to say.
const simulateQuery = z.object({
  maxSize: asked("Sizes, such as 20GiB,50GiB. Without it: some around the present one."),
  policy: asked("Policies: lru, lfu, gdsf, belady. Without it: the mirror's own."),
  days: asked("So many days of the log, back from now. Without it: all of it."),
});

function asked(description: string): z.ZodOptional<z.ZodString> {
  return z.string().optional().openapi({ description });
}

const rate = z.number().min(0).max(1).nullable();
const time = z.string().nullable().openapi({ format: "date-time" });

const simulationSchema: z.ZodType<Simulation> = z
  .object({
    from: time,
    to: time,
    days: z.number().nonnegative(),
    pulls: count,
    images: count,
    highWatermark: z.number(),
    lowWatermark: z.number(),
    leftOut: z
      .array(z.enum(["pins", "maxIdle"]))
      .readonly()
      .openapi({
        description: "What is configured for evictions and the replay leaves out.",
      }),
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

const simulateRoute = createRoute({
  method: "get",
  path: "/api/v1/simulate",
  summary: "What caches of other sizes would have made of the pulls that were logged.",
  request: { query: simulateQuery },
  responses: {
    200: jsonOf("Each size with each policy.", simulationSchema),
    400: jsonOf("What was asked cannot be read.", errorSchema),
    503: jsonOf("Another simulation runs: ask again in a moment.", errorSchema),
  },
});
