/** Two buffers for one body: one is filled while the socket takes the other. */
export interface BufferPair extends Disposable {
  readonly buffers: readonly [Buffer, Buffer];
  /** Whether there are so many bodies by now that these should be exchanged for smaller ones. */
  readonly oversized: boolean;
  /** Exchanges them; neither may be in use. */
  exchange(): void;
}

// Reads of 512 KiB reach the disk's and the socket's full speed; below 16 KiB the calls cost more than the bytes.
const largestBytes = 512 * 1024;
const smallestBytes = 16 * 1024;

/**
 * Lends the buffers that bodies are sent through, the larger the fewer bodies there are: a few clients get
 * full speed, a thousand slow ones do not take a gigabyte. Given back, they are lent again; those that were lent
 * when there were few are exchanged as more come.
 */
export class BufferBudget {
  readonly #limitBytes: number;
  readonly #idle = new Map<number, [Buffer, Buffer][]>();
  #lent = 0;

  /** `limitBytes` is what a handful of bodies may take together; many take a small multiple of it. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Buffers of at most `wantedBytes` each. */
  lend(wantedBytes: number): BufferPair {
    this.#lent++;
    let buffers = this.#take(this.#sizeFor(wantedBytes));
    const budget = this;
    return {
      get buffers() {
        return buffers;
      },
      get oversized() {
        return buffers[0].length > budget.#sizeFor(wantedBytes);
      },
      exchange: () => {
        this.#keep(buffers);
        buffers = this.#take(this.#sizeFor(wantedBytes));
      },
      [Symbol.dispose]: () => {
        this.#lent--;
        this.#keep(buffers);
      },
    };
  }

  #take(sizeBytes: number): [Buffer, Buffer] {
    return (
      this.#idle.get(sizeBytes)?.pop() ?? [
        Buffer.allocUnsafeSlow(sizeBytes),
        Buffer.allocUnsafeSlow(sizeBytes),
      ]
    );
  }

  #sizeFor(wantedBytes: number): number {
    const shareBytes = this.#limitBytes / (4 * this.#lent);
    let sizeBytes = largestBytes;
    while (sizeBytes > smallestBytes && (sizeBytes > shareBytes || sizeBytes / 2 >= wantedBytes))
      sizeBytes /= 2;
    return sizeBytes;
  }

  #keep(buffers: [Buffer, Buffer]): void {
    const sizeBytes = buffers[0].length;
    const idle = this.#idle.get(sizeBytes) ?? [];
    // What would be more than a quarter of the budget goes back to the heap.
    if (idle.length * sizeBytes * 8 < this.#limitBytes) idle.push(buffers);
    this.#idle.set(sizeBytes, idle);
  }
}
