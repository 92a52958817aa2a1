// When 20 clients want one cold blob at once, how often is it asked of the origin, and when has the last one got it?

import { curlTogether } from "./support/curl.ts";
import { playCold } from "./support/play-cold.ts";
import type { Question } from "./support/question.ts";

const clients = 20;

export const stampede: Question = {
  name: "stampede",
  rows: [
    {
      label: "20 clients: origin sent",
      unit: "× blob",
      decimals: 2,
      // Headers and the origin's log are counted, too.
      targets: [{ of: "sluice", kind: "at most", value: 1.005 }],
    },
    {
      label: "20 clients: the last has it",
      unit: "s",
      decimals: 2,
      targets: [{ of: "registry", kind: "at most", value: 1 }],
    },
  ],
  play: async (bench) => {
    // 256 MiB, a large layer: 20 of 1 GiB would take no other turn, only longer.
    await playCold(bench, {
      sizeBytes: bench.size.blobBytes / 4,
      originUrl: bench.origin.url,
      measure: async (pull) => {
        const { seconds } = await curlTogether(clients, pull);
        return { "20 clients: the last has it": seconds };
      },
      sentLabel: "20 clients: origin sent",
    });
  },
};
