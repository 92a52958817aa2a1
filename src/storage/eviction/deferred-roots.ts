import type { RootRow } from "./victim-queries.ts";

/** By priority; of equals, what was pulled longer ago. */
export function goesBefore(one: RootRow, other: RootRow): boolean {
  if (one.priority !== other.priority) return one.priority < other.priority;
  return one.lastAtMs < other.lastAtMs;
}

/**
 * Roots whose turn comes later than that of their own row: a binary heap, for in a catalog of multi-platform images that
 * is every other root.
 */
export class DeferredRoots {
  readonly #heap: RootRow[] = [];

  /** The one that goes first. */
  get first(): RootRow | undefined {
    return this.#heap[0];
  }

  add(row: RootRow): void {
    let place = this.#heap.length;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#heap[above];
      if (parent === undefined || !goesBefore(row, parent)) break;
      this.#heap[place] = parent;
      place = above;
    }
    this.#heap[place] = row;
  }

  takeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    let place = 0;
    for (;;) {
      const below = this.#firstBelow(place);
      const child = this.#heap[below];
      if (child === undefined || !goesBefore(child, last)) break;
      this.#heap[place] = child;
      place = below;
    }
    this.#heap[place] = last;
  }

  #firstBelow(place: number): number {
    const left = this.#heap[2 * place + 1];
    const right = this.#heap[2 * place + 2];
    const isRight = left !== undefined && right !== undefined && goesBefore(right, left);
    return 2 * place + (isRight ? 2 : 1);
  }
}
