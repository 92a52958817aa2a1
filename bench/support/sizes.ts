import type { Size } from "./question.ts";

/** For figures that are to be believed: half an hour on two cores. */
export const fullSize: Size = {
  name: "full",
  blobBytes: 1024 ** 3,
  rounds: 7,
  discardedRounds: 1,
  coldRounds: 7,
  wrkSeconds: 4,
  firstBytes: { small: 40, large: 4, rehearsed: 100 },
  layerBytes: 4 * 1024 ** 2,
  slowSeconds: 20,
  catalogBlobs: 1_000_000,
  growth: { blobs: [1_000, 10_000, 100_000, 1_000_000], clients: [1, 10, 100, 1_000] },
  trafficShare: 1,
};

/** To see in some minutes whether something has become much slower. */
export const quickSize: Size = {
  name: "quick",
  blobBytes: 64 * 1024 ** 2,
  rounds: 2,
  discardedRounds: 0,
  coldRounds: 1,
  wrkSeconds: 1,
  firstBytes: { small: 10, large: 1, rehearsed: 20 },
  layerBytes: 256 * 1024,
  slowSeconds: 2,
  catalogBlobs: 30_000,
  growth: { blobs: [1_000, 20_000], clients: [1, 1_000] },
  trafficShare: 0.1,
};
