// What all segments together may take: four fills, each with all of its window. Idle the mirror takes some 90 MiB, and it
// stays below 256 MiB so.
const limitBytes = 128 * 1024 * 1024;

/** Lends the memory in which segments wait for those before them, to as many fills as there is some for. */
export class SegmentMemory {
  #lentBytes = 0;

  get lentBytes(): number {
    return this.#lentBytes;
  }

  /** Until disposed, once; null if so much is not left. */
  lend(bytes: number): Disposable | null {
    if (this.#lentBytes + bytes > limitBytes) return null;
    this.#lentBytes += bytes;
    const giveBack = (): void => {
      this.#lentBytes -= bytes;
    };
    return { [Symbol.dispose]: giveBack };
  }
}
