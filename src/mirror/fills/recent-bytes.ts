import type { Batch } from "../../upstream/exchange/batch.ts";
import type { LentMemory } from "./lent-memory.ts";
import { SharedBatch } from "./shared-batch.ts";

/**
 * What came last, in memory: readers that are that far, which is most, have it from here and not from the disk that it was
 * just written to. No more than one batch, so that many fills together stay small, and what of those before it is lent.
 */
export class RecentBytes implements Disposable {
  readonly #memory: LentMemory;
  #batch: SharedBatch | null = null;
  #startBytes = 0;

  constructor(memory: LentMemory) {
    this.#memory = memory;
  }

  /** Takes over the batch, which begins at `startBytes`, for the one before. */
  put(batch: Batch, startBytes: number): void {
    this.#batch?.[Symbol.dispose]();
    this.#batch = new SharedBatch(batch, this.#memory);
    this.#startBytes = startBytes;
  }

  /** What there is from `positionBytes` on, `limitBytes` at most; null if it is not here, or no more may be lent. */
  lend(positionBytes: number, limitBytes: number): Batch | null {
    const skipBytes = positionBytes - this.#startBytes;
    if (!this.#batch || skipBytes < 0 || skipBytes >= this.#batch.sizeBytes) return null;
    return this.#batch.lend(skipBytes, skipBytes + limitBytes);
  }

  /** Copies what there is from `positionBytes` on, as much as fits, and returns how many bytes; 0 if it is not here. */
  copy(target: Uint8Array, positionBytes: number): number {
    let skipBytes = positionBytes - this.#startBytes;
    if (!this.#batch || skipBytes < 0) return 0;
    let copiedBytes = 0;
    for (const chunk of this.#batch.chunks) {
      if (skipBytes < chunk.length) {
        copiedBytes += chunk.copy(target, copiedBytes, skipBytes);
        if (copiedBytes === target.length) break;
      }
      skipBytes = Math.max(0, skipBytes - chunk.length);
    }
    return copiedBytes;
  }

  [Symbol.dispose](): void {
    this.#batch?.[Symbol.dispose]();
    this.#batch = null;
  }
}
