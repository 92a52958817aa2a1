// When 20 clients want one cold blob at once, how often is it asked of the origin, and when has the last one got it?

import type { Contestant, Running } from "./support/contestant.ts";
import { CountingForwarder } from "./support/counting-forwarder.ts";
import { curlTogether } from "./support/curl.ts";
import { direct } from "./support/direct.ts";
import { levelGround } from "./support/level-ground.ts";
import { type PlacedBlob, placeBlob } from "./support/origin.ts";
import { idle } from "./support/process-tree.ts";
import { pullVerified } from "./support/pull-verified.ts";
import type { Bench, Question } from "./support/question.ts";
import type { Reading } from "./support/scoreboard.ts";
import { attempt, takeTurns } from "./support/turns.ts";

export const stampede: Question = {
  name: "stampede",
  rows: [
    {
      label: "20 clients: origin sent",
      unit: "× blob",
      decimals: 2,
      // Headers are counted, too.
      targets: [{ of: "sluice", kind: "at most", value: 1.005 }],
    },
    {
      label: "20 clients: the last has it",
      unit: "s",
      decimals: 2,
      targets: [{ of: "registry", kind: "at most", value: 1 }],
    },
  ],
  play,
};

const clients = 20;

// What each contestant pulls once before, for its connections, its code and its buffers.
const rehearsalBytes = 64 * 1024 * 1024;

async function play(bench: Bench): Promise<void> {
  const blobs: Blobs = {
    rehearsed: await placeBlob(bench.origin, { name: "rehearsal", sizeBytes: rehearsalBytes }),
    // 256 MiB, a large layer: 20 of 1 GiB would take no other turn, only longer.
    wanted: await placeBlob(bench.origin, {
      name: "wanted",
      sizeBytes: bench.size.blobBytes / 4,
    }),
  };
  const contestants = [...bench.contestants, direct(bench.origin)];
  for (const contestant of contestants) {
    await attempt(bench, contestant.name, () => count(bench, contestant, blobs));
  }
  await takeTurns(bench, contestants, (contestant) => time(bench, contestant, blobs));
}

interface Blobs {
  readonly rehearsed: PlacedBlob;
  readonly wanted: PlacedBlob;
}

/** Nothing here is timed: the forwarder and the hashing of what came would both slow it. */
async function count(bench: Bench, contestant: Contestant, { wanted }: Blobs): Promise<void> {
  await using forwarder = await CountingForwarder.start(bench.lab, bench.origin.url);
  await using server = await contestant.start(forwarder.url);
  const bytes = await forwarder.bytesDuring(() =>
    Promise.all(Array.from({ length: clients }, () => verify(bench, server, wanted))),
  );
  bench.board.add(contestant.name, { "20 clients: origin sent": bytes / wanted.sizeBytes });
}

async function time(bench: Bench, contestant: Contestant, blobs: Blobs): Promise<Reading> {
  const { wanted, rehearsed } = blobs;
  await using server = await contestant.start(bench.origin.url);
  await verify(bench, server, rehearsed);
  await idle(server.pid);
  await levelGround(bench, wanted);
  const { seconds } = await curlTogether(clients, {
    url: server.url + wanted.path,
    sizeBytes: wanted.sizeBytes,
    signal: bench.lab.signal,
  });
  // The same bytes once more, hashed: what the timed pulls left behind.
  await verify(bench, server, wanted);
  return { "20 clients: the last has it": seconds };
}

function verify(bench: Bench, server: Running, { path, digest }: PlacedBlob): Promise<void> {
  return pullVerified({ url: server.url + path, digest, signal: bench.lab.signal });
}
