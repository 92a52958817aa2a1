import { createRoute, z } from "@hono/zod-openapi";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { jsonOf } from "../answers.ts";
import type { EndpointStats } from "../endpoint-stats.ts";
import type { UpstreamLoad } from "../load.ts";
import { collectStats } from "./stats.ts";

const healthSchema = z
  .object({ status: z.string(), reasons: z.array(z.string()) })
  .openapi("Health");

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

/** `/healthz`, `/readyz` and `/metrics`: what machines ask from time to time. */
export function addProbes(api: AdminApi, tools: AdminTools): void {
  const { health, metrics } = tools;
  api.openapi(healthzRoute, (context) => context.json({ status: "ok", reasons: [] }, 200));
  api.openapi(readyzRoute, async (context) => {
    const { ready, reasons } = await health.readiness();
    if (ready) return context.json({ status: "ok", reasons: [] }, 200);
    return context.json({ status: "unavailable", reasons: [...reasons] }, 503);
  });
  api.openapi(metricsRoute, async (context) => {
    const { stored, endpoints } = await collectStats(tools);
    showEndpoints(metrics, endpoints);
    showLoads(metrics, tools.configured.loads);
    metrics.storedBlobs.set(stored.blobs);
    metrics.storedBytes.set(stored.bytes);
    metrics.storageUsedBytes.set(stored.usedBytes);
    metrics.storageLimitBytes.set(stored.limitBytes);
    return context.text(await metrics.registry.metrics(), 200, {
      "content-type": metrics.registry.contentType,
    });
  });
}

/** Counted where they change, and shown only when somebody looks: each wait for a byte of a fill changes them. */
function showLoads(metrics: Metrics, loads: readonly UpstreamLoad[]): void {
  const { upstreamConnections, upstreamConnectionsLimit } = metrics;
  const { upstreamConnectionsAwaited, upstreamAwaited } = metrics;
  const gauges = [
    upstreamConnections,
    upstreamConnectionsLimit,
    upstreamConnectionsAwaited,
    upstreamAwaited,
  ];
  for (const gauge of gauges) gauge.reset();
  for (const { upstream, ...load } of loads) {
    upstreamConnections.set({ upstream }, load.connections);
    upstreamConnectionsLimit.set({ upstream }, load.mostConnections);
    upstreamConnectionsAwaited.set({ upstream }, load.awaitingConnection);
    upstreamAwaited.set({ upstream }, load.awaitingAnswer);
  }
}

/** An upstream is up while one of its endpoints is asked. What is no longer configured is shown no more. */
function showEndpoints(metrics: Metrics, endpoints: readonly EndpointStats[]): void {
  metrics.upstreamUp.reset();
  metrics.endpointUp.reset();
  const asked = new Set(endpoints.filter(({ state }) => state === "asked"));
  const up = new Set([...asked].map(({ upstream }) => upstream));
  for (const one of endpoints) {
    const { upstream, endpoint } = one;
    metrics.endpointUp.set({ upstream, endpoint }, asked.has(one) ? 1 : 0);
    metrics.upstreamUp.set({ upstream }, up.has(upstream) ? 1 : 0);
  }
}
