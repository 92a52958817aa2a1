/** Memory that many fills share, lent to as many as there is some for. */
export class LentMemory {
  readonly #limitBytes: number;
  #lentBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get lentBytes(): number {
    return this.#lentBytes;
  }

  /** Until disposed, once; null if so much is not left. */
  lend(bytes: number): Disposable | null {
    if (this.#lentBytes + bytes > this.#limitBytes) return null;
    this.#lentBytes += bytes;
    const giveBack = (): void => {
      this.#lentBytes -= bytes;
    };
    return { [Symbol.dispose]: giveBack };
  }
}
