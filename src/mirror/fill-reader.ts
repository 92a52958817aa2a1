import type { BlobReader } from "./blob-reader.ts";
import type { Fill } from "./fill.ts";

// What readers don't get until the digest is verified. A body whose last byte is missing is no complete answer;
// 32 KiB rather than one byte, so that no client comes near to believing it has all.
export const holdBackBytes: number = 32 * 1024;

/** Follows a fill: reads what has come, waits for what has not. */
export class FillReader implements BlobReader {
  readonly sizeBytes: number | null;
  readonly #fill: Fill;
  readonly #gone: Promise<never>;
  readonly #leave: () => Promise<void>;

  /** `fill.join` has resolved to "readable"; reads reject as `gone` does; `leave` is called once. */
  constructor(fill: Fill, gone: Promise<never>, leave: () => Promise<void>) {
    const { state } = fill;
    this.sizeBytes = "sizeBytes" in state ? state.sizeBytes : null;
    this.#fill = fill;
    this.#gone = gone;
    this.#leave = leave;
  }

  async read(target: Uint8Array, positionBytes: number): Promise<number> {
    for (;;) {
      const { state } = this.#fill;
      if (state.kind === "failed") throw state.error;
      if (state.kind === "verified") return await state.ingest.read(target, positionBytes);
      if (state.kind === "streaming") {
        const readableBytes =
          readableOf(state.ingest.writtenBytes, state.sizeBytes) - positionBytes;
        if (readableBytes > 0) {
          return await state.ingest.read(target.subarray(0, readableBytes), positionBytes);
        }
      }
      await Promise.race([this.#fill.progress, this.#gone]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave();
  }
}

// Where the end is not known it may be here, so the last bytes that came are held back, whichever they are.
function readableOf(writtenBytes: number, sizeBytes: number | null): number {
  if (sizeBytes === null) return writtenBytes - holdBackBytes;
  return Math.min(writtenBytes, sizeBytes - holdBackBytes);
}
