// How fast does a blob come that nobody has pulled before, and how often is it asked of the origin?

import { curlPull } from "./support/curl.ts";
import { playCold } from "./support/play-cold.ts";
import type { Question } from "./support/question.ts";

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
  play: async (bench) => {
    await playCold(bench, {
      sizeBytes: bench.size.blobBytes,
      originUrl: bench.origin.url,
      measure: async (pull) => {
        const { bytes, seconds } = await curlPull({ ...pull, times: 1 });
        return { "cold blob, 1 client": bytes / 1e9 / seconds };
      },
      sentLabel: "origin sent",
    });
  },
};
