import type { Metrics } from "../../telemetry/metrics.ts";
import { waitFor } from "../../telemetry/waits.ts";
import type { Place } from "../../upstream/exchange/place.ts";
import type { BlobReader } from "../blob-reader.ts";
import type { Fill } from "./fill.ts";
import type { FillState } from "./fill-state.ts";
import { readableBytes } from "./hold-back.ts";
import type { PassLimit } from "./pass-limit.ts";
import { UnstoredBlob } from "./unstored-blob.ts";

export interface FillReaderOptions {
  /** `join` has resolved. */
  readonly fill: Fill;
  /** Where this reader may have the blob from. */
  readonly place: Place;
  readonly passLimit: PassLimit;
  readonly metrics: Metrics;
  /** Waiting rejects as this is aborted. */
  readonly gone: AbortSignal;
  /** Called once, when the reader is disposed. */
  readonly leave: () => Promise<void>;
}

/**
 * Follows a fill: reads what has come, waits for what has not. Where the store takes no more it goes on from upstream
 * by itself.
 */
export class FillReader implements BlobReader {
  readonly sizeBytes: number | null;
  readonly #options: FillReaderOptions;
  readonly #rest = new AsyncDisposableStack();
  #unstored: UnstoredBlob | null = null;

  /** Throws DistributionError if the blob is not stored and too many such pass through already. */
  constructor(options: FillReaderOptions) {
    const { state } = options.fill;
    this.sizeBytes = "sizeBytes" in state ? state.sizeBytes : null;
    this.#options = options;
    if (state.kind === "unstored") this.#passThrough(state);
  }

  async read(target: Uint8Array, positionBytes: number): Promise<number> {
    const { fill, gone } = this.#options;
    for (;;) {
      const { state } = fill;
      if (state.kind === "failed") throw state.error;
      if (state.kind === "verified") return await state.intake.read(target, positionBytes);
      if (state.kind === "unstored") return await this.#readUnstored(state, target, positionBytes);
      const aheadBytes = state.kind === "streaming" ? aheadOf(positionBytes, state) : 0;
      if (state.kind === "streaming" && aheadBytes > 0) {
        return await state.intake.read(target.subarray(0, aheadBytes), positionBytes);
      }
      await waitFor("body", () => fill.upstream.crowd.stay(() => fill.progress(gone)));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rest.disposeAsync();
    await this.#options.leave();
  }

  async #readUnstored(state: Unstored, target: Uint8Array, positionBytes: number): Promise<number> {
    const { intake, storedBytes, sizeBytes } = state;
    if (!intake || positionBytes >= storedBytes) {
      return await this.#passThrough(state).read(target, positionBytes);
    }
    const openBytes = sizeBytes === null ? storedBytes : readableBytes(storedBytes, sizeBytes);
    // The store stopped within what is held back: no more than that is missing until all is verified.
    if (positionBytes >= openBytes) await this.#passThrough(state).verified();
    const endBytes = positionBytes < openBytes ? openBytes : storedBytes;
    return await intake.read(target.subarray(0, endBytes - positionBytes), positionBytes);
  }

  #passThrough({ sizeBytes, storedBytes, hash }: Unstored): UnstoredBlob {
    if (this.#unstored) return this.#unstored;
    const { fill, place, passLimit, metrics } = this.#options;
    const { upstream, digest } = fill;
    this.#rest.use(passLimit.enter(upstream.name));
    const options = {
      upstream,
      place,
      digest,
      sizeBytes,
      startBytes: storedBytes,
      hash: hash.copy(),
      begun: fill.takeSpare(),
      metrics,
    };
    this.#unstored = this.#rest.use(new UnstoredBlob(options));
    return this.#unstored;
  }
}

type Unstored = Extract<FillState, { kind: "unstored" }>;
type Streaming = Extract<FillState, { kind: "streaming" }>;

function aheadOf(positionBytes: number, { intake, sizeBytes }: Streaming): number {
  return readableBytes(intake.writtenBytes, sizeBytes) - positionBytes;
}
