import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { readSimulation, type Simulation, type SimulationRequest } from "../mirror/simulation.ts";
import type { Health } from "../telemetry/health.ts";
import type { Log } from "../telemetry/log.ts";
import {
  answerEviction,
  type EvictionTools,
  evictionAnswerSchema,
  evictionOrderSchema,
} from "./eviction.ts";
import { simulateQuery, simulationSchema } from "./simulate.ts";
import { collectStats, type StatsSources, statsSchema } from "./stats.ts";

export interface AdminOptions extends StatsSources {
  readonly health: Health;
  /** Null while another simulation runs. */
  readonly simulate: (request: SimulationRequest) => Promise<Simulation | null>;
  readonly version: string;
  readonly log: Log;
}

// What is asked of the mirror is a line of JSON.
const bodyLimitBytes = 64 * 1024;

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

const errorSchema = z.object({ error: z.string() }).openapi("Error");

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

const evictRoute = createRoute({
  method: "post",
  path: "/api/v1/evict",
  summary: "Evicts images, or tells which would go. On the control socket only.",
  request: {
    body: { required: true, content: { "application/json": { schema: evictionOrderSchema } } },
  },
  responses: {
    200: jsonOf("The plan, in its order; or what was evicted.", evictionAnswerSchema),
    400: jsonOf("The body is no order.", errorSchema),
  },
});

/**
 * The admin API. `control` is what may be changed through the control socket, which only the daemon's own user can open;
 * null for the listener, which asks nobody who they are.
 */
export function createAdminServer(options: AdminOptions, control: EvictionTools | null): Server {
  const { health, metrics, version, log } = options;
  const app = new OpenAPIHono({
    defaultHook: (result, context) => {
      if (result.success) return;
      return context.json({ error: sentenceOf(result.error) }, 400);
    },
  });
  app.onError((err, context) => {
    if (err instanceof HTTPException) return context.json({ error: err.message }, err.status);
    log.error({ err, target: context.req.path }, "admin API failed");
    return context.json({ error: "an error within the mirror; its log says which" }, 500);
  });
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
  if (control) addControl(app, control, log);
  app.openapi(simulateRoute, async (context) => {
    const read = readSimulation(context.req.valid("query"));
    if ("problems" in read) return context.json({ error: read.problems.join("; ") }, 400);
    const simulation = await options.simulate(read.request);
    if (simulation) return context.json(simulation, 200);
    return context.json({ error: "another simulation runs: ask again in a moment" }, 503);
  });
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

function addControl(app: OpenAPIHono, control: EvictionTools, log: Log): void {
  app.use(evictRoute.path, bodyLimit({ maxSize: bodyLimitBytes }));
  app.openapi(evictRoute, async (context) => {
    const order = context.req.valid("json");
    if (!order.dryRun) {
      log.info({ toBytes: order.toBytes, by: "the control socket" }, "eviction was asked for");
    }
    return context.json(await answerEviction(control, order), 200);
  });
}

function sentenceOf(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => `${path.join(".") || "the body"}: ${message}`)
    .join("; ");
}

const welcome = `sluice

/metrics              for Prometheus
/healthz, /readyz     for probes
/api/v1/stats         what the mirror did since it started
/api/v1/simulate      what a larger or smaller disk would have made of it
/api/v1/openapi.json  the API
`;
