import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "prom-client";
import { watchProcess } from "../../src/telemetry/process-metrics.ts";

test("the process is watched, but not each collection of its garbage", async () => {
  const registry = new Registry();
  watchProcess(registry);

  const told = (await registry.getMetricsAsJSON()).map(({ name }) => name);

  for (const name of [
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_open_fds",
    "nodejs_heap_size_used_bytes",
    "nodejs_heap_space_size_used_bytes",
    "nodejs_eventloop_lag_p99_seconds",
    "nodejs_active_resources",
    "nodejs_version_info",
  ]) {
    assert.ok(told.includes(name), name);
  }
  assert.ok(!told.includes("nodejs_gc_duration_seconds"));
});
