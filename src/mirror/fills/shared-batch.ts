import type { Batch } from "../../upstream/exchange/batch.ts";
import type { LentMemory } from "./lent-memory.ts";
import { partOfBatch } from "./part-of-batch.ts";

/** A batch that others read from while its owner has it, and longer: it is given back when all are done with it. */
export class SharedBatch implements Disposable {
  readonly #batch: Batch;
  readonly #memory: LentMemory;
  #loans = 0;
  // Of all loans together, for they are of the same bytes.
  #lent: Disposable | null = null;
  #isOwned = true;

  /** Loans are taken from `memory`: what they hold up is no more than that. */
  constructor(batch: Batch, memory: LentMemory) {
    this.#batch = batch;
    this.#memory = memory;
  }

  get sizeBytes(): number {
    return this.#batch.sizeBytes;
  }

  get chunks(): readonly Buffer[] {
    return this.#batch.chunks;
  }

  /** Its bytes from `first` on and before `end`; null if no memory is left for loans. */
  lend(first: number, end: number): Batch | null {
    this.#lent ??= this.#memory.lend(this.sizeBytes);
    if (!this.#lent) return null;
    this.#loans++;
    let isDisposed = false;
    const dispose = (): void => {
      if (isDisposed) return;
      isDisposed = true;
      this.#takeBack();
    };
    const { chunks, sizeBytes } = this.#batch;
    return partOfBatch({ chunks, sizeBytes, [Symbol.dispose]: dispose }, first, end);
  }

  /** Its owner is done with it. */
  [Symbol.dispose](): void {
    if (!this.#isOwned) return;
    this.#isOwned = false;
    if (this.#loans === 0) this.#batch[Symbol.dispose]();
  }

  #takeBack(): void {
    this.#loans--;
    if (this.#loans > 0) return;
    this.#lent?.[Symbol.dispose]();
    this.#lent = null;
    if (!this.#isOwned) this.#batch[Symbol.dispose]();
  }
}
