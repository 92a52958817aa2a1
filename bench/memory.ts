// How much memory does it take: idle, while a blob comes, and with 500 slow clients?

import { noiseBlob } from "../test/support/images.ts";
import type { Contestant, Running } from "./support/contestant.ts";
import { curlTogether } from "./support/curl.ts";
import { type PlacedBlob, placeBlob } from "./support/origin.ts";
import { idle } from "./support/process-tree.ts";
import { pullBlobVerified } from "./support/pull-verified.ts";
import type { Bench, Question, Row, Target } from "./support/question.ts";
import { watchResident } from "./support/resident-memory.ts";
import type { Reading } from "./support/scoreboard.ts";
import { pullSlowly } from "./support/slow-clients.ts";
import { takeTurns, withRounds } from "./support/turns.ts";

const atMost256: Target = { of: "sluice", kind: "at most", value: 256 };

export const memory: Question = {
  name: "memory",
  rows: [
    memoryRow("idle", []),
    memoryRow("cold fill, 1 reader: peak", [atMost256]),
    memoryRow("cold fill, 1 reader: steady", []),
    memoryRow("cold fill, 20 readers: peak", [atMost256]),
    memoryRow("cold fill, 20 readers: steady", []),
    memoryRow("500 slow clients: peak", [atMost256]),
    memoryRow("500 slow clients: steady", []),
    // Memory would say nothing of a server that can't serve them.
    {
      label: "each of the 500 got",
      unit: "MB/s",
      decimals: 2,
      targets: [{ of: "sluice", kind: "at least", value: 0.95 }],
    },
  ],
  play,
};

const slowly = { clients: 500, bytesPerSecond: 1_000_000 };

async function play(bench: Bench): Promise<void> {
  const { origin, size } = bench;
  // More than a slow client takes: its pull is cut before the end.
  const warmBytes = 2 * size.slowSeconds * slowly.bytesPerSecond;
  const blobs: Blobs = {
    cold: await placeBlob(origin, { name: "memory-cold", sizeBytes: size.blobBytes }),
    warm: await placeBlob(origin, { name: "memory-warm", sizeBytes: warmBytes }),
    warmContent: noiseBlob("memory-warm", warmBytes).bytes,
  };
  for (const contestant of bench.contestants) await startOnce(bench, contestant, blobs.warm);
  // Memory wavers less than time does, and a round takes minutes.
  const fewRounds = withRounds(bench, Math.ceil(size.coldRounds / 3), 0);
  await takeTurns(fewRounds, bench.contestants, async (contestant) => {
    // What others that rest take is not counted, so all are started at once.
    await using servers = new AsyncDisposableStack();
    const start = async (): Promise<Running> =>
      servers.use(await contestant.start(bench.origin.url));
    const [first, second, third] = await Promise.all([start(), start(), start()]);
    return {
      ...(await coldFill(bench, first, { blob: blobs.cold, readers: 1 })),
      ...(await coldFill(bench, second, { blob: blobs.cold, readers: 20 })),
      ...(await slowClients(bench, third, blobs)),
    };
  });
}

/** What a program keeps of its first start for the next ones, compiled sources for one, is there before anything is counted. */
async function startOnce(bench: Bench, contestant: Contestant, blob: PlacedBlob): Promise<void> {
  await using server = await contestant.start(bench.origin.url);
  await pullBlobVerified(bench.lab, server, blob);
}

interface Blobs {
  readonly cold: PlacedBlob;
  readonly warm: PlacedBlob;
  readonly warmContent: Buffer;
}

async function coldFill(
  bench: Bench,
  server: Running,
  { blob, readers }: { readonly blob: PlacedBlob; readonly readers: number },
): Promise<Reading> {
  const { signal } = bench.lab;
  const pull = { url: server.url + blob.path, sizeBytes: blob.sizeBytes, signal };
  const filling = await watchResident(server.pid, () => curlTogether(readers, pull));
  await pullBlobVerified(bench.lab, server, blob);
  const label = readers === 1 ? "cold fill, 1 reader" : `cold fill, ${readers} readers`;
  return {
    [`${label}: peak`]: mebibytes(filling.peakBytes),
    [`${label}: steady`]: mebibytes(filling.steadyBytes),
  };
}

async function slowClients(
  bench: Bench,
  server: Running,
  { warm, warmContent }: Blobs,
): Promise<Reading> {
  const atRest = await watchResident(server.pid, () => idle(server.pid));
  await pullBlobVerified(bench.lab, server, warm);
  // registry:2.8 fetches a blob once more for itself after its client has it.
  await idle(server.pid);
  let each = 0;
  const serving = await watchResident(server.pid, async () => {
    const url = server.url + warm.path;
    const pull = { ...slowly, url, content: warmContent, seconds: bench.size.slowSeconds };
    each = await pullSlowly({ ...pull, signal: bench.lab.signal });
  });
  return {
    idle: mebibytes(atRest.steadyBytes),
    "500 slow clients: peak": mebibytes(serving.peakBytes),
    "500 slow clients: steady": mebibytes(serving.steadyBytes),
    "each of the 500 got": each / 1e6,
  };
}

function memoryRow(label: string, targets: readonly Target[]): Row {
  return { label, unit: "MiB", decimals: 0, targets };
}

function mebibytes(bytes: number): number {
  return bytes / 1024 ** 2;
}
