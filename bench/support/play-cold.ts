import type { Contestant, Running } from "./contestant.ts";
import { direct } from "./direct.ts";
import { levelGround } from "./level-ground.ts";
import { type PlacedBlob, placeBlob } from "./origin.ts";
import { idle, writtenBytesOf } from "./process-tree.ts";
import { pullBlobVerified } from "./pull-verified.ts";
import type { Bench } from "./question.ts";
import type { Reading } from "./scoreboard.ts";
import { takeTurns, withRounds } from "./turns.ts";

/** What of a blob that nobody has pulled before is timed. */
export interface ColdGame {
  readonly sizeBytes: number;
  /** Where contestants ask for it; the origin, or what stands before it. */
  readonly originUrl: string;
  readonly measure: (pull: ColdPull) => Promise<Reading>;
  /** The row of how often the origin sends the blob for that, if there is one. */
  readonly sentLabel?: string;
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
 * of them, where there is time for it.
 */
export async function playCold(bench: Bench, game: ColdGame): Promise<void> {
  const rehearsedBytes = Math.min(mostRehearsedBytes, game.sizeBytes / 4);
  const blobs: Blobs = {
    rehearsed: await placeBlob(bench.origin, { name: "rehearsal", sizeBytes: rehearsedBytes }),
    wanted: await placeBlob(bench.origin, { name: "wanted", sizeBytes: game.sizeBytes }),
  };
  // Each turn begins with a rehearsal, so no round is needed for that.
  const rounds = withRounds(bench, bench.size.coldRounds, 0);
  const alone = [direct(bench.origin)].filter(({ name }) => bench.plays(name));
  const contestants = [...bench.contestants, ...alone];
  await takeTurns(rounds, contestants, (contestant) => time(bench, contestant, { blobs, game }));
}

interface Blobs {
  readonly rehearsed: PlacedBlob;
  readonly wanted: PlacedBlob;
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
  const reading = await measureAndCount(bench, server, { wanted, game });
  // The same bytes once more, hashed: what the timed pulls left behind.
  await pullBlobVerified(bench.lab, server, wanted);
  return reading;
}

/** What the origin sends is told by the kernel, so that nothing stands before it and costs time: headers are in it, and its log. */
async function measureAndCount(
  { lab, origin }: Bench,
  server: Running,
  { wanted, game }: { readonly wanted: PlacedBlob; readonly game: ColdGame },
): Promise<Reading> {
  const { path, sizeBytes } = wanted;
  const sentBefore = await writtenBytesOf(origin.pid);
  const reading = await game.measure({ url: server.url + path, sizeBytes, signal: lab.signal });
  if (game.sentLabel === undefined) return reading;
  // registry:2.8 goes on after its client has all.
  await idle(server.pid);
  const sentBytes = (await writtenBytesOf(origin.pid)) - sentBefore;
  return { ...reading, [game.sentLabel]: sentBytes / sizeBytes };
}
