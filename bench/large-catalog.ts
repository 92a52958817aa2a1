// With a million blobs: how soon is it ready, how long are 10,000 to evict looked for, and what do hits feel of that?

import { setTimeout as sleep } from "node:timers/promises";
import { Choosing } from "./support/choosing.ts";
import { FirstByteClient } from "./support/first-byte-client.ts";
import type { Lab } from "./support/lab.ts";
import { type PlacedBlob, placeBlob } from "./support/origin.ts";
import { pullBlobVerified } from "./support/pull-verified.ts";
import type { Bench, Question } from "./support/question.ts";
import type { ServerProcess } from "./support/server-process.ts";
import { filesAreCompared, startOnStore } from "./support/started-on-store.ts";
import { median, percentile } from "./support/statistics.ts";
import { roundsOf } from "./support/turns.ts";
import { type Aim, aimFor, chooseVictims } from "./support/victims.ts";

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
  const { directory, controlSocket } = await bench.largeStores.withBlobs(size.catalogBlobs);
  const { coldRounds } = size;
  const start = async (): Promise<ServerProcess> => {
    const startMs = performance.now();
    const server = await startOnStore(bench, directory);
    bench.board.add("sluice", { [startLabel]: (performance.now() - startMs) / 1_000 });
    return server;
  };
  for (let round = 1; round < coldRounds; round += 1) {
    await using _server = await start();
  }
  await using server = await start();
  const blob = await placeBlob(bench.origin, { name: "large-catalog", sizeBytes: 16 * 1024 });
  await pullBlobVerified(lab, server, blob);
  await filesAreCompared(server, lab.signal);
  const blobs = size.catalogBlobs;
  const toBytes = await aimFor(controlSocket, { victims, blobs }, lab.signal);
  // In the first the threads that choose and answer are new.
  for (const counts of roundsOf({ rounds: coldRounds, discardedRounds: 1 })) {
    // For that, some tenths of a second will do.
    const seconds = counts ? size.wrkSeconds : size.wrkSeconds / 4;
    const scene: Scene = { server, blob, controlSocket, toBytes, victims, seconds };
    const reading = await measure(lab, scene);
    if (!counts) continue;
    bench.board.add("sluice", { [chosenLabel]: reading.chosenMs, [hitLabel]: reading.meanwhileMs });
    bench.board.add("at rest", { [hitLabel]: reading.atRestMs });
  }
}

interface Scene extends Aim {
  readonly server: ServerProcess;
  readonly blob: PlacedBlob;
  /** For how long there are hits, at rest and beside what chooses. */
  readonly seconds: number;
}

interface Figures {
  readonly chosenMs: number;
  readonly atRestMs: number;
  readonly meanwhileMs: number;
}

async function measure(lab: Lab, scene: Scene): Promise<Figures> {
  const { server, blob, seconds } = scene;
  using client = new FirstByteClient(server.url, "kept", lab.signal);
  const hits = (): Promise<number> => slowestOfHundred(client, blob, seconds * 1_000);
  await chooseVictims(scene, lab.signal);
  const atRestMs = await hits();
  await using choosing = new Choosing(scene);
  const meanwhileMs = await hits();
  return { chosenMs: median(await choosing.end()), atRestMs, meanwhileMs };
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
