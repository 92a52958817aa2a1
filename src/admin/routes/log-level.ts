import { createRoute, z } from "@hono/zod-openapi";
import { logLevels } from "../../config/config.ts";
import type { LevelReport } from "../../telemetry/changeable-level.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { errorSchema, jsonOf, orderOf } from "../answers.ts";

/** `GET /api/v1/log-level`, and `POST`, which changes it for a while. */
export function addLogLevel(api: AdminApi, { logLevel }: AdminTools): void {
  api.openapi(levelRoute, (context) => context.json(logLevel.report, 200));
  api.openapi(changeRoute, (context) => {
    const { level, forSeconds } = context.req.valid("json");
    logLevel.change(level, forSeconds * 1000);
    return context.json(logLevel.report, 200);
  });
}

// What is wanted for longer belongs into the configuration.
const longestSeconds = 86_400;

const orderSchema = z
  .strictObject({
    level: z.enum(logLevels),
    forSeconds: z.number().int().min(1).max(longestSeconds).openapi({
      description: "Then it returns to the configured one.",
    }),
  })
  .openapi("LogLevelOrder");

const levelSchema: z.ZodType<LevelReport> = z
  .object({
    level: z.string(),
    configured: z.string(),
    until: z.string().nullable().openapi({
      format: "date-time",
      description: "When it returns to the configured one; null: it is that.",
    }),
  })
  .openapi("LogLevel");

const levelRoute = createRoute({
  method: "get",
  path: "/api/v1/log-level",
  summary: "The level of the log.",
  responses: { 200: jsonOf("What it is, and until when.", levelSchema) },
});

const changeRoute = createRoute({
  method: "post",
  path: "/api/v1/log-level",
  summary: "Changes the level of the log for a while.",
  request: { body: orderOf(orderSchema) },
  responses: {
    200: jsonOf("What it is then.", levelSchema),
    400: jsonOf("There is no such level, or it is too long.", errorSchema),
  },
});
