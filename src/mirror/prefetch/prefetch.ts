import { AtMost } from "../../storage/at-most.ts";
import type { Mirror } from "../mirror.ts";
import {
  type BlobInFlight,
  PrefetchedImage,
  type PrefetchedName,
  type PrefetchedResult,
} from "./prefetched-image.ts";
import type { WantedPlatforms } from "./wanted-platforms.ts";

export interface PrefetchProgress {
  readonly doneImages: number;
  readonly images: number;
  /** Of all content that is known of until now, whether it had to be fetched or not. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** What came from upstream. */
  readonly fetchedBytes: number;
  readonly inFlight: readonly BlobInFlight[];
}

// Registries serve some connections well and are slower for each beyond; docker pulls three blobs at a time.
const blobsAtOnce = 4;

// Manifests are small, and asked for while the blobs of other images come.
const imagesAtOnce = 4;

/** Pulls images as a client would, so that they are here when one comes. Real pulls share what it fetches. */
export class Prefetch {
  readonly #images: readonly PrefetchedImage[];
  #doneImages = 0;

  constructor(
    mirror: Pick<Mirror, "pullManifest" | "pullBlob">,
    names: readonly PrefetchedName[],
    platforms: WantedPlatforms,
  ) {
    const blobs = new AtMost(blobsAtOnce);
    this.#images = names.map((name) => new PrefetchedImage({ mirror, name, platforms, blobs }));
  }

  get progress(): PrefetchProgress {
    const sum = (value: (image: PrefetchedImage) => number): number =>
      this.#images.reduce((total, image) => total + value(image), 0);
    return {
      doneImages: this.#doneImages,
      images: this.#images.length,
      doneBytes: sum(({ doneBytes }) => doneBytes),
      totalBytes: sum(({ totalBytes }) => totalBytes),
      fetchedBytes: sum(({ fetchedBytes }) => fetchedBytes),
      inFlight: this.#images.flatMap(({ inFlight }) => inFlight),
    };
  }

  /**
   * Fetches what is missing; `onImage` is told of each image when it is over, and waited for. One that fails ends no other.
   * Aborting `signal` ends the readers: what is on its way goes on as for any client that leaves.
   */
  async run(
    signal: AbortSignal,
    onImage: (result: PrefetchedResult) => Promise<void>,
  ): Promise<void> {
    const atOnce = new AtMost(imagesAtOnce);
    const all = this.#images.map((image) =>
      atOnce.run(async () => {
        const result = await image.fetch(signal);
        signal.throwIfAborted();
        this.#doneImages += 1;
        await onImage(result);
      }),
    );
    const outcomes = await Promise.allSettled(all);
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }
}
