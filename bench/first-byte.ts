// How much later than from the origin itself does the first byte of a cold blob come?

import { setTimeout as sleep } from "node:timers/promises";
import type { Contestant, Running } from "./support/contestant.ts";
import { type ConnectionUse, FirstByteClient } from "./support/first-byte-client.ts";
import { type PlacedBlob, placeBlob } from "./support/origin.ts";
import { idle } from "./support/process-tree.ts";
import { pullBlobVerified } from "./support/pull-verified.ts";
import type { Bench, Question } from "./support/question.ts";
import type { Reading } from "./support/scoreboard.ts";
import { median } from "./support/statistics.ts";
import { takeTurns, withRounds } from "./support/turns.ts";

/** Blobs of one kind, pulled in one way. */
interface Series {
  readonly label: string;
  readonly use: ConnectionUse;
  readonly sizeBytes: number;
  readonly count: "small" | "large";
}

// Nothing of a blob of 16 KiB, a config, is sent by sluice before all of it is verified; of 64 MiB, what has come.
const [smallBytes, largeBytes] = [16 * 1024, 64 * 1024 ** 2];

const series: readonly Series[] = [
  { label: "16 KiB, fresh connection", use: "fresh", sizeBytes: smallBytes, count: "small" },
  { label: "16 KiB, kept connection", use: "kept", sizeBytes: smallBytes, count: "small" },
  { label: "64 MiB, fresh connection", use: "fresh", sizeBytes: largeBytes, count: "large" },
  { label: "64 MiB, kept connection", use: "kept", sizeBytes: largeBytes, count: "large" },
];

export const firstByte: Question = {
  name: "first-byte",
  rows: series.map(({ label }) => ({
    label,
    unit: "ms later",
    decimals: 2,
    targets: [{ of: "sluice", kind: "at most", value: 3 }],
  })),
  play,
};

async function play(bench: Bench): Promise<void> {
  const { firstBytes, coldRounds } = bench.size;
  const rehearsal = { label: "rehearsal", sizeBytes: smallBytes };
  const blobs: Blobs = {
    rehearsed: await place(bench, rehearsal, firstBytes.rehearsed),
    measured: new Map(),
  };
  for (const each of series)
    blobs.measured.set(each, await place(bench, each, firstBytes[each.count]));
  const { origin, lab } = bench;
  // From here on the origin has its files in memory.
  const all = [...blobs.rehearsed, ...[...blobs.measured.values()].flat()];
  for (const blob of all) await pullBlobVerified(lab, origin, blob);
  // Each turn begins with a rehearsal, so no round is needed for that.
  const rounds = withRounds(bench, coldRounds, 0);
  await takeTurns(rounds, bench.contestants, (contestant) => measure(bench, contestant, blobs));
}

const restMs = 20;

interface Blobs {
  readonly rehearsed: readonly PlacedBlob[];
  readonly measured: Map<Series, readonly PlacedBlob[]>;
}

async function place(
  { origin }: Bench,
  { label, sizeBytes }: Pick<Series, "label" | "sizeBytes">,
  count: number,
): Promise<readonly PlacedBlob[]> {
  const name = label.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return Promise.all(
    Array.from({ length: count }, (_, nth) =>
      placeBlob(origin, { name: `${name}-${nth}`, sizeBytes }),
    ),
  );
}

async function measure(bench: Bench, contestant: Contestant, blobs: Blobs): Promise<Reading> {
  await using server = await contestant.start(bench.origin.url);
  using rehearsing = new FirstByteClient(server.url, "fresh", bench.lab.signal);
  for (const blob of blobs.rehearsed) await rehearsing.pull(blob);
  const readings: [string, number][] = [];
  for (const [{ label, use }, measured] of blobs.measured) {
    readings.push([label, await lateness(bench, server, { use, blobs: measured })]);
  }
  return Object.fromEntries(readings);
}

/** The median of how much later each blob began to come, in ms. */
async function lateness(
  { origin, lab }: Bench,
  server: Running,
  { use, blobs }: { readonly use: ConnectionUse; readonly blobs: readonly PlacedBlob[] },
): Promise<number> {
  using direct = new FirstByteClient(origin.url, use, lab.signal);
  using through = new FirstByteClient(server.url, use, lab.signal);
  const later: number[] = [];
  for (const blob of blobs) {
    await settle(server, blob);
    const directMs = await direct.pull(blob);
    await sleep(restMs);
    later.push((await through.pull(blob)) - directMs);
  }
  return median(later);
}

/** Waits for what the last pull left to do: a sync and a rename; registry:2.8 pulls a second time for itself. */
async function settle({ pid }: Running, { sizeBytes }: PlacedBlob): Promise<void> {
  if (sizeBytes > smallBytes) await idle(pid);
  else await sleep(restMs);
}
