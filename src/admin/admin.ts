import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Health } from "../telemetry/health.ts";
import { collectStats, type StatsSources, statsSchema } from "./stats.ts";

export interface AdminOptions extends StatsSources {
  readonly health: Health;
  readonly version: string;
}

const healthSchema = z
  .object({ status: z.string(), reasons: z.array(z.string()) })
  .openapi("Health");

function jsonOf<T extends z.ZodType>(
  description: string,
  schema: T,
): { description: string; content: { "application/json": { schema: T } } } {
  return { description, content: { "application/json": { schema } } };
}

const healthzRoute = createRoute({
  method: "get",
  path: "/healthz",
  summary: "Whether the process lives.",
  responses: { 200: jsonOf("It does.", healthSchema) },
});

const readyzRoute = createRoute({
  method: "get",
  path: "/readyz",
  summary: "Whether the mirror can serve, and if not, why.",
  responses: {
    200: jsonOf("It can.", healthSchema),
    503: jsonOf("It cannot: see `reasons`.", healthSchema),
  },
});

const metricsRoute = createRoute({
  method: "get",
  path: "/metrics",
  summary: "All metrics, for Prometheus.",
  responses: {
    200: {
      description: "The text exposition format.",
      content: { "text/plain": { schema: z.string() } },
    },
  },
});

const statsRoute = createRoute({
  method: "get",
  path: "/api/v1/stats",
  summary: "Hits, misses and bytes by upstream since the daemon started, and what is stored.",
  responses: { 200: jsonOf("The numbers.", statsSchema) },
});

/** The admin API, for its listener and for the control socket. */
export function createAdminServer(options: AdminOptions): Server {
  const { health, metrics, version } = options;
  const app = new OpenAPIHono();
  app.openapi(healthzRoute, (context) => context.json({ status: "ok", reasons: [] }, 200));
  app.openapi(readyzRoute, async (context) => {
    const { ready, reasons } = await health.readiness();
    if (ready) return context.json({ status: "ok", reasons: [] }, 200);
    return context.json({ status: "unavailable", reasons: [...reasons] }, 503);
  });
  app.openapi(metricsRoute, async (context) => {
    const { stored } = await collectStats(options);
    metrics.storedBlobs.set(stored.blobs);
    metrics.storedBytes.set(stored.bytes);
    metrics.storageUsedBytes.set(stored.usedBytes);
    metrics.storageLimitBytes.set(stored.limitBytes);
    return context.text(await metrics.registry.metrics(), 200, {
      "content-type": metrics.registry.contentType,
    });
  });
  app.openapi(statsRoute, async (context) => context.json(await collectStats(options), 200));
  app.doc("/api/v1/openapi.json", {
    openapi: "3.0.3",
    info: { title: "sluice admin API", version },
  });
  app.get("/", (context) => context.text(welcome));
  app.notFound((context) =>
    context.json(
      { error: `${context.req.path} is no part of the admin API; see /api/v1/openapi.json` },
      404,
    ),
  );
  return createAdaptorServer({ fetch: app.fetch }) as Server;
}

const welcome = `sluice

/metrics              for Prometheus
/healthz, /readyz     for probes
/api/v1/stats         what the mirror did since it started
/api/v1/openapi.json  the API
`;
