/** The buffers of one body. */
export interface LentBuffers extends Disposable {
  /** Two, of which one is filled while the socket takes the other, or one. They take memory from the first look at them on. */
  readonly buffers: readonly [Buffer, ...Buffer[]];
}

// Each read wakes a thread and this one again: with 1 MiB a warm GB costs one client's mirror a sixth less than with 512 KiB.
const largestBytes = 1024 * 1024;
const smallestBytes = 32 * 1024;

// Of many bodies each has one buffer: while its socket takes it, there are others to read for. With two of 32 KiB instead
// the calls cost so much that 500 readers at 1 MB/s got 0.7 of it (2 cores, loopback); with this one they get all.
const crowdBytes = 128 * 1024;

/**
 * Lends the buffers that bodies are sent through, the larger the fewer bodies there are: a few clients get
 * full speed, a thousand slow ones do not take a gigabyte. Given back, they are lent again.
 */
export class BufferBudget {
  readonly #limitBytes: number;
  readonly #idle = new Map<number, Buffer[]>();
  #lent = 0;

  /** `limitBytes` is what a handful of bodies may take together; many take a small multiple of it. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Buffers for a body of which the longest piece has `wantedBytes`; one if that is no more than it takes. */
  lend(wantedBytes: number): LentBuffers {
    this.#lent++;
    const shareBytes = this.#limitBytes / (2 * this.#lent);
    const isCrowd = shareBytes <= crowdBytes;
    const sizeBytes = sizeWithin(isCrowd ? crowdBytes : shareBytes / 2, wantedBytes);
    const isPair = !isCrowd && wantedBytes > sizeBytes;
    let taken: [Buffer, ...Buffer[]] | null = null;
    const take = (): [Buffer, ...Buffer[]] => {
      taken ??= isPair ? [this.#take(sizeBytes), this.#take(sizeBytes)] : [this.#take(sizeBytes)];
      return taken;
    };
    return {
      get buffers() {
        return take();
      },
      [Symbol.dispose]: () => this.#takeBack(taken),
    };
  }

  #take(sizeBytes: number): Buffer {
    return this.#idle.get(sizeBytes)?.pop() ?? Buffer.allocUnsafeSlow(sizeBytes);
  }

  #takeBack(buffers: readonly [Buffer, ...Buffer[]] | null): void {
    this.#lent--;
    if (!buffers) return;
    const sizeBytes = buffers[0].length;
    const idle = this.#idle.get(sizeBytes) ?? [];
    // What would be more than a quarter of the budget goes back to the heap.
    const room = Math.ceil(this.#limitBytes / 4 / sizeBytes) - idle.length;
    idle.push(...buffers.slice(0, Math.max(0, room)));
    this.#idle.set(sizeBytes, idle);
  }
}

/** The largest size up to `mostBytes` that a body of `wantedBytes` fills more than half of. */
function sizeWithin(mostBytes: number, wantedBytes: number): number {
  let sizeBytes = largestBytes;
  while (sizeBytes > smallestBytes && (sizeBytes > mostBytes || sizeBytes / 2 >= wantedBytes))
    sizeBytes /= 2;
  return sizeBytes;
}
