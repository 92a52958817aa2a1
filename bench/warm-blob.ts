// How fast does a blob that is already here come, to one client and to eight, and at what CPU time?

import type { Running } from "./support/contestant.ts";
import { type CurlPull, curlPull, curlTogether, type Transfer } from "./support/curl.ts";
import { nginxStaticPeer } from "./support/nginx-static-peer.ts";
import { type PlacedBlob, placeBlob } from "./support/origin.ts";
import { playWarm } from "./support/play-warm.ts";
import { cpuSecondsOf, writtenBytesOf } from "./support/process-tree.ts";
import { pullBlobVerified } from "./support/pull-verified.ts";
import type { Bench, Question, Target } from "./support/question.ts";
import type { Reading } from "./support/scoreboard.ts";

const speedTargets: readonly Target[] = [
  { of: "registry", kind: "at least", value: 1.25 },
  { of: "nginx", kind: "at least", value: 1 },
  { of: "nginx-static", kind: "at least", value: 0.9 },
];
const cpuTargets: readonly Target[] = [{ of: "registry", kind: "at most", value: 1 }];

export const warmBlob: Question = {
  name: "warm-blob",
  rows: [
    { label: "warm blob, 1 client", unit: "GB/s", decimals: 2, targets: speedTargets },
    { label: "warm blob, 8 clients", unit: "GB/s", decimals: 2, targets: speedTargets },
    { label: "CPU of 1 client", unit: "s/GB", decimals: 3, targets: cpuTargets },
    { label: "CPU of 8 clients", unit: "s/GB", decimals: 3, targets: cpuTargets },
  ],
  play,
};

async function play(bench: Bench): Promise<void> {
  const blob = await placeBlob(bench.origin, { name: "warm", sizeBytes: bench.size.blobBytes });
  await playWarm(bench, {
    contestants: [...bench.contestants, nginxStaticPeer(bench.lab, bench.origin)],
    originUrl: bench.origin.url,
    verify: (server) => pullBlobVerified(bench.lab, server, blob),
    measure: async (server) => {
      const before = await writtenBytesOf(bench.origin.pid);
      const reading = await measure(bench, server, blob);
      const sentBytes = (await writtenBytesOf(bench.origin.pid)) - before;
      if (sentBytes < blob.sizeBytes / 100) return reading;
      throw new Error("it asked the origin for what should have been warm");
    },
  });
}

async function measure(bench: Bench, server: Running, blob: PlacedBlob): Promise<Reading> {
  const { signal } = bench.lab;
  const pull = { url: server.url + blob.path, sizeBytes: blob.sizeBytes, signal };
  const one = await costOf(server, () => pullByOne(pull));
  const eight = await costOf(server, () => curlTogether(8, pull));
  return {
    "warm blob, 1 client": one.bytes / 1e9 / one.seconds,
    "warm blob, 8 clients": eight.bytes / 1e9 / eight.seconds,
    "CPU of 1 client": one.cpuSeconds / (one.bytes / 1e9),
    "CPU of 8 clients": eight.cpuSeconds / (eight.bytes / 1e9),
  };
}

async function costOf(
  server: Running,
  pull: () => Promise<Transfer>,
): Promise<Transfer & { readonly cpuSeconds: number }> {
  const before = await cpuSecondsOf(server.pid);
  const transfer = await pull();
  return { ...transfer, cpuSeconds: (await cpuSecondsOf(server.pid)) - before };
}

// Four times, because CPU time is counted in steps of 10 ms, which is 4 % of what 1 GiB costs.
function pullByOne(pull: Omit<CurlPull, "times">): Promise<Transfer> {
  return curlPull({ ...pull, times: 4 });
}
