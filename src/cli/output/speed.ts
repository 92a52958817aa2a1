// Shorter, and the figure jumps with each blob; longer, and it tells of what is over.
const overMs = 5_000;

interface Sample {
  readonly atMs: number;
  readonly bytes: number;
}

/** How fast bytes come, over the last seconds. */
export class Speed {
  /** The oldest first. */
  readonly #samples: Sample[] = [];

  /** So many bytes in all, at a time of a clock that never jumps, in ms. */
  note(bytes: number, atMs: number): void {
    this.#samples.push({ atMs, bytes });
    while (this.#samples.length > 2 && (this.#samples[1]?.atMs ?? atMs) < atMs - overMs) {
      this.#samples.shift();
    }
  }

  /** null as long as nothing can be said. */
  get bytesPerSecond(): number | null {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (!first || !last || last.atMs <= first.atMs) return null;
    return (1000 * (last.bytes - first.bytes)) / (last.atMs - first.atMs);
  }
}
