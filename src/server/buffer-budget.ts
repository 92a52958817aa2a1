/** Two buffers for one body: one is filled while the socket takes the other. */
export interface BufferPair extends Disposable {
  readonly buffers: readonly [Buffer, Buffer];
}

// Reads of 512 KiB reach the disk's and the socket's full speed. With 16 KiB the calls cost so much that 500 readers at
// 1 MB/s got 0.89 of it (2 cores, loopback); with 32 KiB they get all.
const largestBytes = 512 * 1024;
const smallestBytes = 32 * 1024;

/**
 * Lends the buffers that bodies are sent through, the larger the fewer bodies there are: a few clients get
 * full speed, a thousand slow ones do not take a gigabyte. Given back, they are lent again.
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
    const sizeBytes = this.#sizeFor(wantedBytes);
    const buffers = this.#idle.get(sizeBytes)?.pop() ?? [
      Buffer.allocUnsafeSlow(sizeBytes),
      Buffer.allocUnsafeSlow(sizeBytes),
    ];
    return { buffers, [Symbol.dispose]: () => this.#takeBack(buffers) };
  }

  #sizeFor(wantedBytes: number): number {
    const shareBytes = this.#limitBytes / (4 * this.#lent);
    let sizeBytes = largestBytes;
    while (sizeBytes > smallestBytes && (sizeBytes > shareBytes || sizeBytes / 2 >= wantedBytes))
      sizeBytes /= 2;
    return sizeBytes;
  }

  #takeBack(buffers: [Buffer, Buffer]): void {
    this.#lent--;
    const sizeBytes = buffers[0].length;
    const idle = this.#idle.get(sizeBytes) ?? [];
    // What would be more than a quarter of the budget goes back to the heap.
    if (idle.length * sizeBytes * 8 < this.#limitBytes) idle.push(buffers);
    this.#idle.set(sizeBytes, idle);
  }
}
