import type { Metrics } from "../../telemetry/metrics.ts";
import { waitFor } from "../../telemetry/waits.ts";
import type { Batch } from "../../upstream/exchange/batch.ts";
import type { Place } from "../../upstream/exchange/place.ts";
import type { BlobReader } from "../blob-reader.ts";
import type { Fill } from "./fill.ts";
import type { FillState } from "./fill-state.ts";
import { readableBytes } from "./hold-back.ts";
import type { PassLimit } from "./pass-limit.ts";
import { UnstoredBlob } from "./unstored-blob.ts";

export interface FillReaderOptions {
  /** `answer` has resolved. */
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
    const state = await this.#come(positionBytes);
    if (state.kind === "unstored") return await this.#readUnstored(state, target, positionBytes);
    const aheadBytes = aheadOf(positionBytes, state);
    return await state.intake.read(target.subarray(0, aheadBytes), positionBytes);
  }

  async borrow(positionBytes: number, limitBytes: number): Promise<Batch | null> {
    const state = await this.#come(positionBytes);
    if (state.kind === "unstored") return null;
    const aheadBytes = aheadOf(positionBytes, state);
    return state.intake.lend(positionBytes, Math.min(limitBytes, aheadBytes));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rest.disposeAsync();
    await this.#options.leave();
  }

  /** Waits until something may be read from `positionBytes` on, or that is the end. */
  async #come(positionBytes: number): Promise<Verified | Unstored | Streaming> {
    const { fill, gone } = this.#options;
    for (;;) {
      const { state } = fill;
      if (state.kind === "failed") throw state.error;
      if (state.kind === "verified" || state.kind === "unstored") return state;
      if (state.kind === "streaming" && aheadOf(positionBytes, state) > 0) return state;
      await waitFor("body", () => fill.upstream.crowd.stay(() => fill.progress(gone)));
    }
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

type Verified = Extract<FillState, { kind: "verified" }>;
type Unstored = Extract<FillState, { kind: "unstored" }>;
type Streaming = Extract<FillState, { kind: "streaming" }>;

/** How many bytes from `positionBytes` on may be read now. */
function aheadOf(positionBytes: number, state: Verified | Streaming): number {
  const { kind, intake, sizeBytes } = state;
  const endBytes = kind === "verified" ? sizeBytes : readableBytes(intake.writtenBytes, sizeBytes);
  return Math.max(0, endBytes - positionBytes);
}
