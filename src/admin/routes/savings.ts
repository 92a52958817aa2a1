import { createRoute, z } from "@hono/zod-openapi";
import type { SavingsReport } from "../../storage/statistics/savings-report.ts";
import { readSavingsWindow } from "../../storage/statistics/traffic-window.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { count, errorSchema, jsonOf, time } from "../answers.ts";
import { windowQuery } from "../traffic-query.ts";

/** `GET /api/v1/savings`. */
export function addSavings(api: AdminApi, { statistics, now }: AdminTools): void {
  api.openapi(savingsRoute, async (context) => {
    const { by, ...written } = context.req.valid("query");
    const read = readSavingsWindow(written, now());
    if ("problem" in read) return context.json({ error: read.problem }, 400);
    return context.json(await statistics.savings({ window: read.window, by }), 200);
  });
}

const savingsQuery = z.object({
  ...windowQuery,
  by: z.enum(["upstream", "network"]).default("upstream").openapi({
    description: "What has a row each: upstreams, or the networks of clients (/24, /64).",
  }),
});

const sums = {
  requests: count,
  pulls: count.openapi({ description: "Images that clients took the manifest of." }),
  savedPulls: count.openapi({ description: "Of the pulls, those that cost upstream none." }),
  sentBytes: count,
  savedBytes: count.openapi({
    description:
      "Of an upstream: bytes sent beyond those received. Of a network: of answers that cost no download.",
  }),
};

const savingsSchema: z.ZodType<SavingsReport> = z
  .object({
    from: time,
    to: time,
    by: z.enum(["upstream", "network"]),
    rows: z.array(
      z.object({
        name: z.string().openapi({ description: "`other`: networks beyond the 256 of an hour." }),
        ...sums,
      }),
    ),
    total: z.object(sums),
  })
  .openapi("Savings");

const savingsRoute = createRoute({
  method: "get",
  path: "/api/v1/savings",
  summary: "Pulls and bytes that were answered in a window, and how many of them the mirror saved.",
  request: { query: savingsQuery },
  responses: {
    200: jsonOf("Those that saved most first.", savingsSchema),
    400: jsonOf("What was asked cannot be read.", errorSchema),
  },
});
