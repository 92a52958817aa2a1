// How much faster does a cold blob come with `parallelFill: 4` where each connection is limited?

import type { Contestant } from "./support/contestant.ts";
import { curlPull } from "./support/curl.ts";
import type { Lab } from "./support/lab.ts";
import { LongLine } from "./support/long-line.ts";
import { playCold } from "./support/play-cold.ts";
import type { Question } from "./support/question.ts";
import { sluice, startSluice } from "./support/sluice.ts";

const row = "cold blob, 5 MB/s a connection";

const onOne = "sluice over one connection";

export const parallelFill: Question = {
  name: "parallel-fill",
  rows: [
    {
      label: row,
      unit: "MB/s",
      decimals: 1,
      targets: [{ of: onOne, kind: "at least", value: 3 }],
    },
  ],
  play: async (bench) => {
    const line = { bytesPerSecond: 5e6, roundTripMs: 20, isEachConnections: true };
    await using origin = await LongLine.start(bench.lab, bench.origin.url, line);
    const contestants = [over(bench.lab, "sluice", 4), over(bench.lab, onOne, 1)];
    // What the line takes is the same in each round, and is most of it.
    const coldRounds = Math.ceil(bench.size.coldRounds / 2);
    await playCold(
      { ...bench, contestants, size: { ...bench.size, coldRounds } },
      {
        // Seconds over one connection, and slow enough for any machine to keep up with four.
        sizeBytes: bench.size.limitedBytes,
        originUrl: origin.url,
        measure: async (pull) => {
          const { bytes, seconds } = await curlPull({ ...pull, times: 1 });
          return { [row]: bytes / 1e6 / seconds };
        },
      },
    );
  },
};

function over(lab: Lab, name: string, connections: number): Contestant {
  return {
    ...sluice(lab),
    name,
    start: (originUrl) => {
      const upstream = { endpoints: [originUrl], default: true, parallelFill: connections };
      return startSluice(lab, originUrl, { settings: { upstreams: { "origin.test": upstream } } });
    },
  };
}
