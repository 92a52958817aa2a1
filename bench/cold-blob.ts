// How fast does a blob come that nobody has pulled before, and how often is it asked of the origin?

import type { Contestant, Running } from "./support/contestant.ts";
import { CountingForwarder } from "./support/counting-forwarder.ts";
import { curlPull } from "./support/curl.ts";
import { direct } from "./support/direct.ts";
import { levelGround } from "./support/level-ground.ts";
import { type PlacedBlob, placeBlob } from "./support/origin.ts";
import { idle } from "./support/process-tree.ts";
import { pullVerified } from "./support/pull-verified.ts";
import type { Bench, Question } from "./support/question.ts";
import type { Reading } from "./support/scoreboard.ts";
import { attempt, takeTurns } from "./support/turns.ts";

export const coldBlob: Question = {
  name: "cold-blob",
  rows: [
    {
      label: "cold blob, 1 client",
      unit: "GB/s",
      decimals: 2,
      targets: [{ of: "registry", kind: "at least", value: 1 }],
    },
    {
      label: "origin sent",
      unit: "× blob",
      decimals: 2,
      targets: [{ of: "sluice", kind: "at most", value: 1.005 }],
    },
  ],
  play,
};

// What goes through a contestant before the blob that counts, so that a process just started has
// its connections, its code and its buffers: a cold blob is asked of a mirror that has long run.
const rehearsalBytes = 64 * 1024 * 1024;

async function play(bench: Bench): Promise<void> {
  const blobs: Blobs = {
    rehearsed: await placeBlob(bench.origin, { name: "rehearsal", sizeBytes: rehearsalBytes }),
    measured: await placeBlob(bench.origin, { name: "cold", sizeBytes: bench.size.blobBytes }),
  };
  const contestants = [...bench.contestants, direct(bench.origin)];
  for (const contestant of contestants) {
    await attempt(bench, contestant.name, () => count(bench, contestant, blobs));
  }
  await takeTurns(bench, contestants, (contestant) => time(bench, contestant, blobs));
}

interface Blobs {
  readonly rehearsed: PlacedBlob;
  readonly measured: PlacedBlob;
}

/** Nothing here is timed: the forwarder and the hashing of what came would both slow it. */
async function count(bench: Bench, contestant: Contestant, { measured }: Blobs): Promise<void> {
  await using forwarder = await CountingForwarder.start(bench.lab, bench.origin.url);
  await using server = await contestant.start(forwarder.url);
  const bytes = await forwarder.bytesDuring(() => verify(bench, server, measured));
  bench.board.add(contestant.name, { "origin sent": bytes / measured.sizeBytes });
}

async function time(bench: Bench, contestant: Contestant, blobs: Blobs): Promise<Reading> {
  await using server = await contestant.start(bench.origin.url);
  await verify(bench, server, blobs.rehearsed);
  await idle(server.pid);
  await levelGround(bench, blobs.measured);

  const { bytes, seconds } = await curlPull({
    url: server.url + blobs.measured.path,
    sizeBytes: blobs.measured.sizeBytes,
    times: 1,
    signal: bench.lab.signal,
  });
  // The same bytes once more, hashed: what the timed pull left behind.
  await verify(bench, server, blobs.measured);
  return { "cold blob, 1 client": bytes / 1e9 / seconds };
}

function verify(bench: Bench, server: Running, blob: PlacedBlob): Promise<void> {
  const url = server.url + blob.path;
  return pullVerified({ url, digest: blob.digest, signal: bench.lab.signal });
}
