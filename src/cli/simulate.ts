import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load-config.ts";
import { formatBytes } from "../config/units.ts";
import {
  cautionOf,
  readSimulation,
  type SimulatedSize,
  type Simulation,
  type SimulationRequest,
  type WrittenSimulation,
} from "../mirror/simulation.ts";
import { Simulator } from "../mirror/simulator.ts";
import { layoutOf } from "../storage/layout.ts";
import { CommandError } from "./command-error.ts";
import { askDaemon } from "./control.ts";
import { openStoredDirectory } from "./stored-directory.ts";
import { type Column, renderTable } from "./table.ts";

export interface SimulateOptions extends WrittenSimulation {
  readonly config?: string;
  readonly json?: boolean;
}

// Eight sizes and four policies over a million pulls take three minutes, on a machine that does nothing else.
const longestMs = 15 * 60_000;

/**
 * `sluice simulate`: replays the log of pulls against caches of other sizes and policies. `refuse` ends the command for
 * wrong usage, with a sentence.
 */
export async function simulate(
  options: SimulateOptions,
  refuse: (sentence: string) => never,
): Promise<void> {
  const read = readSimulation(options);
  if ("problems" in read) return refuse(`error: ${read.problems.join("; ")}`);
  const { config, source } = await loadConfig({
    file: options.config,
    env: process.env,
    cwd: process.cwd(),
  });
  using _notice = new Notice("replaying the log of pulls…");
  const simulation =
    (await fromDaemon(config, options)) ?? (await fromDirectory(config, source, read.request));
  const text = options.json ? JSON.stringify(simulation, null, 2) : render(simulation, options);
  process.stdout.write(`${text}\n`);
}

async function fromDaemon(config: Config, written: WrittenSimulation): Promise<Simulation | null> {
  const query = new URLSearchParams();
  for (const key of ["maxSize", "policy", "days"] as const) {
    const value = written[key];
    if (value !== undefined) query.set(key, value);
  }
  const layout = layoutOf(config.storage.directory);
  const answer = await askDaemon(layout, {
    path: `/api/v1/simulate?${query}`,
    timeoutMs: longestMs,
  });
  if (!answer) return null;
  if (answer.status === 200) return answer.body as Simulation;
  if (answer.status === 503) {
    throw new CommandError("the daemon simulates for somebody else already: ask again in a moment");
  }
  throw new CommandError(`the daemon answered with status ${answer.status}; its log says why`);
}

async function fromDirectory(
  config: Config,
  source: string,
  request: SimulationRequest,
): Promise<Simulation> {
  await using stored = await openStoredDirectory(config, source);
  await using simulator = new Simulator({
    ...stored,
    now: Date.now,
    watermarks: () => config.eviction,
    flush: () => Promise.resolve(),
  });
  const simulation = await simulator.simulate(request);
  if (!simulation) throw new Error("a simulator of its own was busy");
  return simulation;
}

/** Says on a terminal why it takes so long, once it does. */
class Notice implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #shown = false;

  constructor(text: string) {
    this.#timer = setTimeout(() => {
      this.#shown = process.stderr.isTTY === true;
      if (this.#shown) process.stderr.write(text);
    }, 1000).unref();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    if (this.#shown) process.stderr.write("\r\x1b[K");
  }
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
  const { pulls, images, from, to, caches, highWatermark, lowWatermark } = simulation;
  if (pulls === 0) {
    const which =
      days === undefined ? "No pull is logged yet" : `In ${days} days no pull is logged`;
    return `${which}. Pull images through the mirror as always, and ask again after some days.`;
  }
  const log = `log         ${pulls} pulls of ${images} images in ${daysOf(simulation)}
from, to    ${from?.slice(0, 16)}Z, ${to?.slice(0, 16)}Z
watermarks  ${share(highWatermark)}, ${share(lowWatermark)}`;
  const caution = cautionOf(simulation);
  const table = renderTable(columns, caches.map(rowOf));
  return [log, "", table, ...(caution ? ["", caution] : [])].join("\n");
}

function rowOf(cache: SimulatedSize): string[] {
  const { maxSizeBytes, isPresent, policy, imageHitRate, byteHitRate } = cache;
  return [
    `${formatBytes(maxSizeBytes)}${isPresent ? " (now)" : ""}`,
    policy,
    share(imageHitRate),
    share(byteHitRate),
    formatBytes(cache.upstreamBytes),
    formatBytes(cache.upstreamBytesPerDay),
    String(cache.evictedImages),
  ];
}

function daysOf({ days }: Simulation): string {
  if (days < 1) return "less than a day";
  return `${days.toFixed(1)} days`;
}

function share(rate: number | null): string {
  return rate === null ? "" : `${(100 * rate).toFixed(1)}%`;
}
