// With a million blobs: how soon is it ready, how long are 10,000 to evict looked for, and what do hits feel of that?

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { ChoosingThreadData } from "./support/choosing-thread.ts";
import { FirstByteClient } from "./support/first-byte-client.ts";
import { makeLargeStore } from "./support/large-store.ts";
import { orderEviction } from "./support/order-eviction.ts";
import { type PlacedBlob, placeBlob } from "./support/origin.ts";
import { pullVerified } from "./support/pull-verified.ts";
import type { Bench, Question } from "./support/question.ts";
import type { ServerProcess } from "./support/server-process.ts";
import { startSluice } from "./support/sluice.ts";
import { median, percentile } from "./support/statistics.ts";

const [startLabel, chosenLabel, hitLabel] = [
  "large catalog, start to ready",
  "10,000 blobs of it chosen, hits beside it",
  "hit meanwhile, p99",
];

export const largeCatalog: Question = {
  name: "large-catalog",
  rows: [
    {
      label: startLabel,
      unit: "s",
      decimals: 2,
      targets: [{ of: "sluice", kind: "at most", value: 2 }],
    },
    {
      label: chosenLabel,
      unit: "ms",
      decimals: 0,
      targets: [{ of: "sluice", kind: "at most", value: 200 }],
    },
    {
      label: hitLabel,
      unit: "ms",
      decimals: 2,
      targets: [{ of: "at rest", kind: "at most", value: 2 }],
    },
  ],
  play,
};

const victims = 10_000;

async function play(bench: Bench): Promise<void> {
  const { lab, size } = bench;
  const directory = join(await lab.makeDirectory("large"), "storage");
  const { controlSocket } = await makeLargeStore(directory, size.catalogBlobs);
  for (let round = 0; round < size.rounds; round += 1) {
    const startMs = performance.now();
    await using _server = await startOn(bench, directory);
    bench.board.add("sluice", { [startLabel]: (performance.now() - startMs) / 1_000 });
  }
  await using server = await startOn(bench, directory);
  const blob = await placeBlob(bench.origin, { name: "large-catalog", sizeBytes: 16 * 1024 });
  const { digest, path } = blob;
  await pullVerified({ url: server.url + path, digest, signal: lab.signal });
  await filesAreCompared(server, lab.signal);
  const toBytes = await aimFor(controlSocket, size.catalogBlobs, lab.signal);
  for (let round = -size.discardedRounds; round < size.rounds; round += 1) {
    const reading = await measure(bench, { server, blob, controlSocket, toBytes });
    if (round < 0) continue;
    bench.board.add("sluice", { [chosenLabel]: reading.chosenMs, [hitLabel]: reading.meanwhileMs });
    bench.board.add("at rest", { [hitLabel]: reading.atRestMs });
  }
}

/** Its files are empty, and its catalog says that they are terabytes: the disk has nothing to do with that. */
function startOn({ lab, origin }: Bench, directory: string): Promise<ServerProcess> {
  const storage = { directory, maxSize: "1000TiB", minFree: "0B" };
  return startSluice(lab, origin.url, { settings: { storage } });
}

/** Resolves when the work that follows a start is done. */
async function filesAreCompared(server: ServerProcess, signal: AbortSignal): Promise<void> {
  const untilMs = Date.now() + 600_000;
  while (Date.now() < untilMs) {
    const log = await readFile(join(server.directory, "output.log"), "utf8");
    if (log.includes("compared the files with the catalog")) return;
    await sleep(1_000, null, { signal });
  }
  throw new Error("the files were not compared with the catalog within ten minutes");
}

interface Scene {
  readonly server: ServerProcess;
  readonly blob: PlacedBlob;
  readonly controlSocket: string;
  /** What is aimed at. */
  readonly toBytes: number;
}

interface Figures {
  readonly chosenMs: number;
  readonly atRestMs: number;
  readonly meanwhileMs: number;
}

async function measure({ lab, size }: Bench, scene: Scene): Promise<Figures> {
  const { server, blob } = scene;
  using client = new FirstByteClient(server.url, "kept", lab.signal);
  const hits = (): Promise<number> => slowestOfHundred(client, blob, size.wrkSeconds * 1_000);
  await chooseVictims(scene, lab.signal);
  const atRestMs = await hits();
  await using choosing = new Choosing(scene);
  const meanwhileMs = await hits();
  return { chosenMs: median(await choosing.end()), atRestMs, meanwhileMs };
}

/** Victims are chosen again and again, ordered by a thread of their own. */
class Choosing implements AsyncDisposable {
  readonly #thread: Worker;

  constructor(workerData: ChoosingThreadData) {
    const url = new URL("./support/choosing-thread.ts", import.meta.url);
    const { controlSocket, toBytes } = workerData;
    this.#thread = new Worker(url, { workerData: { controlSocket, toBytes } });
  }

  /** Resolves to how long each choice took, in ms, hits beside it. */
  async end(): Promise<readonly number[]> {
    const told = once(this.#thread, "message");
    this.#thread.postMessage("end");
    const [tookMs] = (await told) as [readonly number[]];
    return tookMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread.terminate();
  }
}

/** The aim for which somewhat more than `victims` go: blobs are of all sizes, so it is found by trying. */
async function aimFor(controlSocket: string, blobs: number, signal: AbortSignal): Promise<number> {
  let share = (1.25 * victims) / blobs;
  for (let tries = 0; tries < 10; tries += 1) {
    const { usedBytes } = await orderEviction(controlSocket, { ...dryRun, toBytes: null }, signal);
    const toBytes = Math.floor(usedBytes * (1 - share));
    const plan = await orderEviction(controlSocket, { ...dryRun, toBytes }, signal);
    if (plan.dryRun && isEnough(plan.objects)) return toBytes;
    share *= plan.dryRun ? (1.25 * victims) / Math.max(1, plan.objects) : 1;
  }
  throw new Error(`no aim was found for which ${victims} blobs go`);
}

const dryRun = { dryRun: true, limit: 20 } as const;

function isEnough(objects: number): boolean {
  return objects >= victims && objects < 1.5 * victims;
}

/** How long it takes to be told, through the control socket, what of so many blobs would go; in ms. */
async function chooseVictims(
  { controlSocket, toBytes }: Pick<Scene, "controlSocket" | "toBytes">,
  signal: AbortSignal,
): Promise<number> {
  const startMs = performance.now();
  const plan = await orderEviction(controlSocket, { ...dryRun, toBytes }, signal);
  const chosenMs = performance.now() - startMs;
  if (plan.dryRun && isEnough(plan.objects)) return chosenMs;
  throw new Error(`something else was chosen: ${JSON.stringify(plan).slice(0, 200)}`);
}

// Four clients' worth: enough for a percentile, far from what one core can do.
const pauseMs = 2;

/** The 99th percentile of the time to the first byte, in ms, of hits one after the other. */
async function slowestOfHundred(
  client: FirstByteClient,
  blob: PlacedBlob,
  durationMs: number,
): Promise<number> {
  const samples: number[] = [];
  for (const startMs = performance.now(); performance.now() - startMs < durationMs; ) {
    samples.push(await client.pull(blob));
    await sleep(pauseMs);
  }
  return percentile(samples, 0.99);
}
