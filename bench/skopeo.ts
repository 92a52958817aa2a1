// How long does skopeo take to copy an image of 40 layers that is already here?

import { placeImage } from "./support/origin.ts";
import { playWarm } from "./support/play-warm.ts";
import type { Bench, Question } from "./support/question.ts";
import { skopeoCopy } from "./support/skopeo-copy.ts";

const row = "skopeo copies 40 layers";

export const skopeo: Question = {
  name: "skopeo",
  rows: [
    {
      label: row,
      unit: "s",
      decimals: 3,
      targets: [{ of: "registry", kind: "at most", value: 1 }],
    },
  ],
  play,
};

async function play(bench: Bench): Promise<void> {
  const { lab, origin, size } = bench;
  const image = await placeImage(origin, "copied", { count: 40, sizeBytes: size.layerBytes });
  await playWarm(bench, {
    contestants: bench.contestants,
    originUrl: origin.url,
    verify: async (server) => {
      await skopeoCopy(lab, server, image);
    },
    measure: async (server) => ({ [row]: await skopeoCopy(lab, server, image) }),
  });
}
