import type { EndpointStats } from "../../admin/endpoint-stats.ts";
import type { Stats } from "../../admin/routes/stats.ts";
import { formatBytes, formatDuration } from "../../config/units.ts";
import type { CommandOptions } from "../command-options.ts";
import { renderLimits } from "../output/limit-table.ts";
import { percent } from "../output/percent.ts";
import { printAnswer } from "../output/print-answer.ts";
import { shortened } from "../output/shortened.ts";
import { type Column, renderTable } from "../output/table.ts";
import { renderTraffic } from "../output/traffic-table.ts";
import { type ReachedMirror, reachMirror } from "../reached-mirror.ts";
import { type WindowOptions, windowParameters } from "../window-options.ts";

export interface StatsOptions extends CommandOptions, WindowOptions {
  readonly step?: string | undefined;
}

/** `sluice stats`: what the running daemon did; without one, what is stored. With a window, what happened in it. */
export async function stats(options: StatsOptions): Promise<void> {
  await using mirror = await reachMirror(options);
  const query = windowParameters(options);
  if (options.step !== undefined) query.set("step", options.step);
  const told = (await mirror.ask({ path: `/api/v1/stats?${query}` })) as Stats;
  printAnswer(told, options, () => textOf(told, mirror));
}

function textOf(told: Stats, { config }: ReachedMirror): string {
  if (told.traffic) return renderTraffic(told.traffic);
  return renderStats(told, config.storage.directory, Date.now());
}

const columns: readonly Column[] = [
  { title: "UPSTREAM", align: "left" },
  { title: "REQUESTS", align: "right" },
  { title: "HITS", align: "right" },
  { title: "MISSES", align: "right" },
  { title: "STALE", align: "right" },
  { title: "ERRORS", align: "right" },
  { title: "SENT", align: "right" },
  { title: "RECEIVED", align: "right" },
  { title: "SAVED", align: "right" },
];

/** It for people. */
export function renderStats(
  { since, upstreams, total, stored, fillsInFlight, limits, endpoints }: Stats,
  directory: string,
  nowMs: number,
): string {
  const { blobs, bytes, usedBytes, limitBytes } = stored;
  const used = limitBytes > 0 ? ` (${percent(usedBytes / limitBytes)})` : "";
  const storedLine = `stored   ${formatBytes(bytes)} in ${blobs} blobs, ${directory}
disk     ${formatBytes(usedBytes)} of ${formatBytes(limitBytes)}${used}`;
  if (since === null)
    return `${storedLine}\nno daemon runs: requests are counted from a daemon's start`;
  const upSeconds = Math.floor((nowMs - Date.parse(since)) / 1000);
  const running = `running  ${formatDuration(upSeconds * 1000)}, ${fillsInFlight} fills in flight`;
  const table = upstreams.length === 0 ? "no pulls yet" : tableOf(upstreams);
  const unstored = upstreams.reduce((sum, stats) => sum + stats.unstored, 0);
  const warning =
    unstored > 0 ? [`unstored ${unstored} pulls: the disk took no more, see the log`] : [];
  const limited = limits.length === 0 ? [] : ["", renderLimits(limits)];
  const down = endpoints.flatMap(downLine);
  return [
    running,
    storedLine,
    ...savedLine(total),
    ...warning,
    ...down,
    "",
    table,
    ...limited,
  ].join("\n");
}

/** Nothing before the first pull. */
function savedLine({ hitRate, byteHitRate, savedBytes }: Stats["total"]): string[] {
  if (hitRate === null) return [];
  const bytes =
    byteHitRate === null
      ? ""
      : `${formatBytes(savedBytes)}, ${percent(byteHitRate)} of the bytes, `;
  return [`saved    ${bytes}${percent(hitRate)} of the requests`];
}

function downLine({ upstream, endpoint, state, reason, ...times }: EndpointStats): string[] {
  if (state === "asked") return [];
  if (state === "offline") return [`offline  ${upstream}: ${endpoint} is not asked`];
  const since = formatDuration(times.forSeconds * 1000);
  const next =
    times.leftSeconds > 0 ? `asked again in ${times.leftSeconds}s` : "asked by the next pull";
  return [`down     ${upstream}: ${endpoint} for ${since}, ${next}: it ${reason}`];
}

// Of a usual terminal.
const widthChars = 80;

/** Names lose their middle where the numbers leave no room for it. */
function tableOf(upstreams: Stats["upstreams"]): string {
  const rows = upstreams.map(rowOf);
  const widest = Math.max(
    ...renderTable(columns, rows)
      .split("\n")
      .map(({ length }) => length),
  );
  const longest = Math.max(...upstreams.map(({ upstream }) => upstream.length));
  const roomChars = Math.max("UPSTREAM".length, longest - Math.max(0, widest - widthChars));
  return renderTable(
    columns,
    rows.map(([upstream = "", ...numbers]) => [shortened(upstream, roomChars), ...numbers]),
  );
}

function rowOf(stats: Stats["upstreams"][number]): string[] {
  const { upstream, requests, hits, misses, stale, errors, byteHitRate } = stats;
  return [
    upstream,
    ...[requests, hits, misses, stale, errors].map(String),
    formatBytes(stats.sentBytes),
    formatBytes(stats.receivedBytes),
    percent(byteHitRate),
  ];
}
