import { createRequire } from "node:module";
import { collectDefaultMetrics, type Registry } from "prom-client";

/** One of prom-client's default metrics, which it exports all together only. */
type DefaultMetric = (
  registry: Registry,
  options: { readonly eventLoopMonitoringPrecision: number },
) => void;

// Node tells of each collection of garbage in rounds of the event loop of their own, which takes a busy mirror a tenth of its CPU
// time; and of several that are told of together prom-client counts the first. What watches them cannot be ended.
const unwatched: ReadonlySet<string> = new Set(["gc"]);

// As prom-client has it, in ms.
const eventLoopMonitoringPrecision = 10;

/** Adds the `process_` and `nodejs_` metrics of prom-client, which watch the whole process. */
export function watchProcess(registry: Registry): void {
  const load = createRequire(import.meta.url);
  for (const name of collectDefaultMetrics.metricsList) {
    if (unwatched.has(name)) continue;
    const watch = load(`prom-client/lib/metrics/${name}.js`) as DefaultMetric;
    watch(registry, { eventLoopMonitoringPrecision });
  }
  // Gauges called as counters are, of what other metrics tell by type.
  for (const what of ["handles", "requests", "resources"]) {
    registry.removeSingleMetric(`nodejs_active_${what}_total`);
  }
}
