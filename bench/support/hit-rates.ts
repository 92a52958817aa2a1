import type { ReplayResult } from "../../src/mirror/simulation/simulated-cache.ts";

/** Shares, from 0 to 1, of what was asked for. */
export interface HitRates {
  readonly bytes: number;
  readonly blobs: number;
  /** Pulls of which all that was asked for was there. */
  readonly images: number;
}

export const measures: readonly (keyof HitRates)[] = ["bytes", "blobs", "images"];

export function hitRatesOf(result: ReplayResult): HitRates {
  return {
    bytes: result.hitBytes / (result.hitBytes + result.missBytes),
    blobs: result.blobHits / (result.blobHits + result.blobMisses),
    images: result.imageHits / result.pulls,
  };
}
