import type { Size } from "./question.ts";

/** For figures that are to be believed. */
export const fullSize: Size = {
  name: "full",
  peers: "all",
  blobBytes: 1024 ** 3,
  limitedBytes: 64 * 1024 ** 2,
  rounds: 5,
  discardedRounds: 1,
  coldRounds: 4,
  wrkSeconds: 3,
  firstBytes: { small: 20, large: 2, rehearsed: 100 },
  layerBytes: 4 * 1024 ** 2,
  slowSeconds: 10,
  catalogBlobs: 1_000_000,
  growth: { blobs: [1_000, 10_000, 100_000, 1_000_000], clients: [1, 10, 100, 1_000] },
  minutesApart: 1,
};

/** To see whether something has become much slower: what the first round compiles is thrown away, and one is left. */
export const quickSize: Size = {
  name: "quick",
  peers: "targeted",
  blobBytes: 64 * 1024 ** 2,
  limitedBytes: 16 * 1024 ** 2,
  rounds: 1,
  discardedRounds: 1,
  coldRounds: 1,
  wrkSeconds: 1,
  firstBytes: { small: 10, large: 1, rehearsed: 20 },
  layerBytes: 256 * 1024,
  slowSeconds: 4,
  catalogBlobs: 20_000,
  growth: { blobs: [1_000, 20_000], clients: [1, 1_000] },
  minutesApart: 10,
};
