// How much later than directly does a cold blob come over a line of 1 Gbit/s with a round trip of 20 ms?

import { curlPull } from "./support/curl.ts";
import { LongLine } from "./support/long-line.ts";
import { playCold } from "./support/play-cold.ts";
import type { Question } from "./support/question.ts";

const row = "cold blob over 1 Gbit/s, 20 ms";

const line = { bytesPerSecond: 1e9 / 8, roundTripMs: 20 };

export const longLine: Question = {
  name: "long-line",
  rows: [
    {
      label: row,
      unit: "s",
      decimals: 3,
      targets: [{ of: "direct", kind: "at most", value: 1.03 }],
    },
  ],
  play: async (bench) => {
    await using origin = await LongLine.start(bench.lab, bench.origin.url, line);
    await playCold(bench, {
      // 256 MiB take two seconds: of more, what is late at the start and at the end would be a smaller share.
      sizeBytes: Math.min(256 * 1024 ** 2, bench.size.blobBytes),
      originUrl: origin.url,
      measure: async (pull) => ({ [row]: (await curlPull({ ...pull, times: 1 })).seconds }),
    });
  },
};
