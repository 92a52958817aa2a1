import type { Contestant } from "./contestant.ts";
import { CountingForwarder } from "./counting-forwarder.ts";
import { direct } from "./direct.ts";
import { levelGround } from "./level-ground.ts";
import { type PlacedBlob, placeBlob } from "./origin.ts";
import { idle } from "./process-tree.ts";
import { pullBlobVerified } from "./pull-verified.ts";
import type { Bench } from "./question.ts";
import type { Reading } from "./scoreboard.ts";
import { attempt, takeTurns, withRounds } from "./turns.ts";

/** What of a blob that nobody has pulled before is timed. */
export interface ColdGame {
  readonly sizeBytes: number;
  /** Where contestants ask for it; the origin, or what stands before it. */
  readonly originUrl: string;
  readonly measure: (pull: ColdPull) => Promise<Reading>;
}

export interface ColdPull {
  readonly url: string;
  readonly sizeBytes: number;
  readonly signal: AbortSignal;
}

// What goes through a contestant before the blob that counts, so that a process just started has
// its connections, its code and its buffers: a cold blob is asked of a mirror that has long run.
const mostRehearsedBytes = 64 * 1024 * 1024;

/**
 * Measures in turn contestants, each started anew, that do not have a blob. With them plays the origin itself, without any
 * of them.
 */
export async function playCold(bench: Bench, game: ColdGame): Promise<void> {
  const rehearsedBytes = Math.min(mostRehearsedBytes, game.sizeBytes / 4);
  const blobs: Blobs = {
    rehearsed: await placeBlob(bench.origin, { name: "rehearsal", sizeBytes: rehearsedBytes }),
    wanted: await placeWanted(bench, game.sizeBytes),
  };
  // Each turn begins with a rehearsal, so no round is needed for that.
  const rounds = withRounds(bench, bench.size.coldRounds, 0);
  const contestants = [...bench.contestants, direct(bench.origin)];
  await takeTurns(rounds, contestants, (contestant) => time(bench, contestant, { blobs, game }));
}

/** Adds to the row `label` how often the origin sends a blob that `clients` pull at once from a contestant without it. */
export async function countSent(
  bench: Bench,
  {
    sizeBytes,
    clients,
    label,
  }: { readonly sizeBytes: number; readonly clients: number; readonly label: string },
): Promise<void> {
  const wanted = await placeWanted(bench, sizeBytes);
  for (const contestant of [...bench.contestants, direct(bench.origin)]) {
    await attempt(bench, contestant.name, async () => {
      const sent = await timesSent(bench, contestant, { wanted, clients });
      bench.board.add(contestant.name, { [label]: sent });
    });
  }
}

function placeWanted({ origin }: Bench, sizeBytes: number): Promise<PlacedBlob> {
  return placeBlob(origin, { name: "wanted", sizeBytes });
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
    Promise.all(Array.from({ length: clients }, () => pullBlobVerified(bench.lab, server, wanted))),
  );
  return bytes / wanted.sizeBytes;
}

async function time(
  bench: Bench,
  contestant: Contestant,
  { blobs, game }: { readonly blobs: Blobs; readonly game: ColdGame },
): Promise<Reading> {
  const { rehearsed, wanted } = blobs;
  await using server = await contestant.start(game.originUrl);
  await pullBlobVerified(bench.lab, server, rehearsed);
  await idle(server.pid);
  await levelGround(bench, wanted);
  const url = server.url + wanted.path;
  const { signal } = bench.lab;
  const reading = await game.measure({ url, sizeBytes: wanted.sizeBytes, signal });
  // The same bytes once more, hashed: what the timed pulls left behind.
  await pullBlobVerified(bench.lab, server, wanted);
  return reading;
}
