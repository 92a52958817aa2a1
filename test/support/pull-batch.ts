import type { Digest } from "../../src/oci/digest.ts";
import type { PullBatch, PulledImage } from "../../src/storage/images/logged-pulls.ts";

/** A pull of an image by one client. */
export interface PulledOnce {
  /** In ms since the epoch. */
  readonly atMs: number;
  readonly image: PulledImage;
}

/** Pulls as they are told to a catalog. Those of one image, by its digest, have it once: as the first of them has it. */
export function pullBatch(pulls: readonly PulledOnce[]): PullBatch {
  const images = new Map<Digest, PulledImage>();
  for (const { image } of pulls) if (!images.has(image.digest)) images.set(image.digest, image);
  const places = [...images.keys()];
  return {
    atMs: Float64Array.from(pulls, ({ atMs }) => atMs),
    imageOf: Uint32Array.from(pulls, ({ image }) => places.indexOf(image.digest)),
    images: [...images.values()],
  };
}
