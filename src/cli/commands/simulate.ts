import { counted } from "../../config/counted.ts";
import { formatBytes } from "../../config/units.ts";
import {
  cautionOf,
  readSimulation,
  type SimulatedSize,
  type Simulation,
  type WrittenSimulation,
} from "../../mirror/simulation/simulation.ts";
import { WrongUsage } from "../command-error.ts";
import type { CommandOptions } from "../command-options.ts";
import { Notice } from "../output/notice.ts";
import { percent } from "../output/percent.ts";
import { printAnswer } from "../output/print-answer.ts";
import { type Column, renderTable } from "../output/table.ts";
import { reachMirror } from "../reached-mirror.ts";

export interface SimulateOptions extends WrittenSimulation, CommandOptions {}

// Eight sizes and four policies over a million pulls take three minutes, on a machine that does nothing else.
const longestMs = 15 * 60_000;

/** `sluice simulate`: replays the log of pulls against caches of other sizes and policies. Rejects with WrongUsage too. */
export async function simulate(options: SimulateOptions): Promise<void> {
  const read = readSimulation(options);
  if ("problems" in read) throw new WrongUsage(read.problems.join("; "));
  await using mirror = await reachMirror(options);
  using _notice = new Notice("replaying the log of pulls…");
  const question = { path: `/api/v1/simulate?${queryOf(options)}`, timeoutMs: longestMs };
  const simulation = (await mirror.ask(question)) as Simulation;
  printAnswer(simulation, options, () => render(simulation, options));
}

function queryOf(written: WrittenSimulation): URLSearchParams {
  const query = new URLSearchParams();
  for (const key of ["maxSize", "policy", "days"] as const) {
    const value = written[key];
    if (value !== undefined) query.set(key, value);
  }
  return query;
}

const columns: readonly Column[] = [
  { title: "MAX SIZE", align: "left" },
  { title: "POLICY", align: "left" },
  { title: "IMAGES HIT", align: "right" },
  { title: "BYTES HIT", align: "right" },
  { title: "UPSTREAM", align: "right" },
  { title: "A DAY", align: "right" },
  { title: "EVICTED", align: "right" },
];

function render(simulation: Simulation, { days }: WrittenSimulation): string {
  const { pulls, images, from, to, caches, highWatermark, lowWatermark, leftOut } = simulation;
  if (pulls === 0) {
    const which =
      days === undefined ? "No pull is logged yet" : `In ${days} days no pull is logged`;
    return `${which}. Pull images through the mirror as always, and ask again after some days.`;
  }
  const log = `log         ${counted(pulls, "pull")} of ${counted(images, "image")} in ${daysOf(simulation)}
from, to    ${from?.slice(0, 16)}Z, ${to?.slice(0, 16)}Z
watermarks  ${percent(highWatermark)}, ${percent(lowWatermark)}`;
  const without = leftOut.map((key) => `eviction.${key}`).join(" and ");
  const replayed = without === "" ? [log] : [log, `left out    ${without}`];
  const caution = cautionOf(simulation);
  const table = renderTable(columns, caches.map(rowOf));
  return [...replayed, "", table, ...(caution ? ["", caution] : [])].join("\n");
}

function rowOf(cache: SimulatedSize): string[] {
  const { maxSizeBytes, isPresent, policy, imageHitRate, byteHitRate } = cache;
  return [
    `${formatBytes(maxSizeBytes)}${isPresent ? " (now)" : ""}`,
    policy,
    percent(imageHitRate),
    percent(byteHitRate),
    formatBytes(cache.upstreamBytes),
    formatBytes(cache.upstreamBytesPerDay),
    String(cache.evictedImages),
  ];
}

function daysOf({ days }: Simulation): string {
  if (days < 1) return "less than a day";
  return `${days.toFixed(1)} days`;
}
