import type { TrafficStats } from "../../admin/traffic-schema.ts";
import { formatBytes, formatDuration } from "../../config/units.ts";
import type { TrafficSums } from "../../storage/statistics/traffic-report.ts";
import { percent } from "./percent.ts";
import { shortened } from "./shortened.ts";
import { type Column, renderTable } from "./table.ts";

// What the numbers beside it leave of 80 columns.
const nameChars = 17;

const dayMs = 86_400_000;

/** The traffic of a window, for people: by upstream, then by step. */
export function renderTraffic({ from, to, stepSeconds, total, upstreams }: TrafficStats): string {
  const head = `window   ${minuteOf(from)} to ${minuteOf(to)}, by ${formatDuration(1000 * stepSeconds)}`;
  if (upstreams.length === 0) return `${head}\n\nno requests`;
  const byUpstream = upstreams.map(({ upstream, sum }) =>
    rowOf(shortened(upstream, nameChars), sum),
  );
  const bySteps = total.steps.map((step, nth) => rowOf(timeOf(from, stepSeconds, nth), step));
  const all = upstreams.length > 1 ? [rowOf("total", total.sum)] : [];
  return [
    head,
    "",
    renderTable(columnsOf("UPSTREAM"), [...byUpstream, ...all]),
    "",
    renderTable(columnsOf("TIME (UTC)"), bySteps),
  ].join("\n");
}

function columnsOf(title: string): readonly Column[] {
  const numbers = ["REQUESTS", "HITS", "ERRORS", "SENT", "RECEIVED", "P50", "P99"];
  return [
    { title, align: "left" },
    ...numbers.map((number) => ({ title: number, align: "right" }) as const),
  ];
}

function rowOf(name: string, sums: TrafficSums): string[] {
  const { requests, outcomes, sentBytes, receivedBytes, p50Ms, p99Ms } = sums;
  const { hit, revalidated, stale, error } = outcomes;
  return [
    name,
    String(requests),
    percent(requests === 0 ? null : (hit + revalidated + stale) / requests),
    String(error),
    formatBytes(sentBytes),
    formatBytes(receivedBytes),
    latency(p50Ms),
    latency(p99Ms),
  ];
}

function latency(durationMs: number | null): string {
  if (durationMs === null) return "";
  return durationMs < 1000 ? `${Number(durationMs.toPrecision(2))}ms` : formatSeconds(durationMs);
}

function formatSeconds(durationMs: number): string {
  return `${Number((durationMs / 1000).toPrecision(2))}s`;
}

/** Days stand by themselves. */
function timeOf(from: string, stepSeconds: number, nth: number): string {
  const stepMs = 1000 * stepSeconds;
  const time = new Date(Date.parse(from) + nth * stepMs).toISOString();
  return stepMs % dayMs === 0 ? time.slice(0, 10) : time.slice(0, 16).replace("T", " ");
}

function minuteOf(time: string): string {
  return `${time.slice(0, 16).replace("T", " ")}Z`;
}
