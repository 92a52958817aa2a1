import type { LimitStats } from "../../admin/limit-stats.ts";
import { formatDuration } from "../../config/units.ts";
import { type Column, renderTable } from "./table.ts";

const columns: readonly Column[] = [
  { title: "LIMIT OF", align: "left" },
  { title: "ENDPOINT", align: "left" },
  { title: "ACCOUNT", align: "left" },
  { title: "LEFT", align: "right" },
  { title: "WINDOW", align: "right" },
  { title: "FORECAST", align: "left" },
];

/** The limits of registries, for people. */
export function renderLimits(limits: readonly LimitStats[]): string {
  return renderTable(columns, limits.map(rowOf));
}

function rowOf(limits: LimitStats): string[] {
  const { upstream, endpoint, account, limit, remaining, windowSeconds } = limits;
  const left = limit === null ? "" : `${remaining} of ${limit}`;
  const window = windowSeconds === null ? "" : longest(windowSeconds);
  return [upstream, endpoint, account, left, window, forecastOf(limits)];
}

function forecastOf({ state, emptyInSeconds, waitSeconds }: LimitStats): string {
  if (waitSeconds > 0) return `asked again in ${longest(waitSeconds)}`;
  if (state === "empty") return "empty";
  const foreseen = emptyInSeconds === null ? "lasts" : `empty in ${longest(emptyInSeconds)}`;
  return state === "low" ? `low, ${foreseen}` : foreseen;
}

/** The most significant unit: nobody plans by the second. */
function longest(seconds: number): string {
  const [unit = ""] = formatDuration(seconds * 1000).split(" ");
  return unit;
}
