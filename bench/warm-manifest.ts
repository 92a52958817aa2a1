// How many requests a second for a manifest that is already here, by tag and by digest?

import type { Running } from "./support/contestant.ts";
import { type PlacedImage, placeImage } from "./support/origin.ts";
import { playWarm } from "./support/play-warm.ts";
import { pullVerified } from "./support/pull-verified.ts";
import type { Bench, Question } from "./support/question.ts";
import { wrk } from "./support/wrk.ts";

export const warmManifest: Question = {
  name: "warm-manifest",
  rows: [
    {
      label: "warm manifest by tag",
      unit: "req/s",
      decimals: 0,
      targets: [
        { of: "registry", kind: "at least", value: 100 },
        { of: "nginx", kind: "at least", value: 0.6 },
      ],
    },
    {
      label: "warm manifest by digest",
      unit: "req/s",
      decimals: 0,
      targets: [{ of: "nginx", kind: "at least", value: 0.6 }],
    },
  ],
  play,
};

async function play(bench: Bench): Promise<void> {
  const image = await placeImage(bench.origin, "warm-manifest");
  await playWarm(bench, {
    contestants: bench.contestants,
    originUrl: bench.origin.url,
    verify: (server) => verify(bench, server, image),
    measure: async (server) => ({
      "warm manifest by tag": await rate(bench, server.url + image.tagPath, image),
      "warm manifest by digest": await rate(bench, server.url + image.digestPath, image),
    }),
  });
}

async function verify(bench: Bench, server: Running, image: PlacedImage): Promise<void> {
  const { signal } = bench.lab;
  for (const path of [image.tagPath, image.digestPath]) {
    const url = server.url + path;
    await pullVerified({ url, digest: image.digest, headers: image.headers, signal });
  }
}

function rate(bench: Bench, url: string, image: PlacedImage): Promise<number> {
  const { signal } = bench.lab;
  return wrk({ url, seconds: bench.size.wrkSeconds, headers: image.headers, signal });
}
