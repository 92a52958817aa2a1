import type { Contestant } from "./contestant.ts";
import { CountingForwarder } from "./counting-forwarder.ts";
import { direct } from "./direct.ts";
import { levelGround } from "./level-ground.ts";
import { type PlacedBlob, placeBlob } from "./origin.ts";
import { idle } from "./process-tree.ts";
import { pullBlobVerified } from "./pull-verified.ts";
import type { Bench } from "./question.ts";
import type { Reading } from "./scoreboard.ts";
import { attempt, takeTurns } from "./turns.ts";

export interface ColdGame {
  /** Of the blob that nobody has pulled before. */
  readonly sizeBytes: number;
  /** How many clients pull it at once while it is counted what the origin sends. */
  readonly clients: number;
  /** The row of how often the origin sent the blob. */
  readonly sentLabel: string;
  readonly measure: (pull: ColdPull) => Promise<Reading>;
}

export interface ColdPull {
  readonly url: string;
  readonly sizeBytes: number;
  readonly signal: AbortSignal;
}

// What goes through a contestant before the blob that counts, so that a process just started has
// its connections, its code and its buffers: a cold blob is asked of a mirror that has long run.
const rehearsalBytes = 64 * 1024 * 1024;

/**
 * Measures contestants, each started anew, that do not have a blob: first what they ask of the origin for it, then, in
 * turn, how fast it comes. With them plays the origin itself, without any of them.
 */
export async function playCold(bench: Bench, game: ColdGame): Promise<void> {
  const blobs: Blobs = {
    rehearsed: await placeBlob(bench.origin, { name: "rehearsal", sizeBytes: rehearsalBytes }),
    wanted: await placeBlob(bench.origin, { name: "wanted", sizeBytes: game.sizeBytes }),
  };
  const contestants = [...bench.contestants, direct(bench.origin)];
  for (const contestant of contestants) {
    await attempt(bench, contestant.name, async () => {
      const sent = await timesSent(bench, contestant, { wanted: blobs.wanted, ...game });
      bench.board.add(contestant.name, { [game.sentLabel]: sent });
    });
  }
  await takeTurns(bench, contestants, (contestant) => time(bench, contestant, { blobs, game }));
}

interface Blobs {
  readonly rehearsed: PlacedBlob;
  readonly wanted: PlacedBlob;
}

/** Nothing here is timed: the forwarder and the hashing of what came would both slow it. */
async function timesSent(
  bench: Bench,
  contestant: Contestant,
  { wanted, clients }: { readonly wanted: PlacedBlob; readonly clients: number },
): Promise<number> {
  await using forwarder = await CountingForwarder.start(bench.lab, bench.origin.url);
  await using server = await contestant.start(forwarder.url);
  const bytes = await forwarder.bytesDuring(() =>
    Promise.all(
      Array.from({ length: clients }, () => pullBlobVerified(bench.lab, server.url, wanted)),
    ),
  );
  return bytes / wanted.sizeBytes;
}

async function time(
  bench: Bench,
  contestant: Contestant,
  { blobs, game }: { readonly blobs: Blobs; readonly game: ColdGame },
): Promise<Reading> {
  const { rehearsed, wanted } = blobs;
  await using server = await contestant.start(bench.origin.url);
  await pullBlobVerified(bench.lab, server.url, rehearsed);
  await idle(server.pid);
  await levelGround(bench, wanted);
  const url = server.url + wanted.path;
  const { signal } = bench.lab;
  const reading = await game.measure({ url, sizeBytes: wanted.sizeBytes, signal });
  // The same bytes once more, hashed: what the timed pulls left behind.
  await pullBlobVerified(bench.lab, server.url, wanted);
  return reading;
}
