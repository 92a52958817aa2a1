/** What a queue puts in order. */
export interface Ranked {
  readonly priority: number;
  /** The number of its last pull. No two are equal, so neither is the order. */
  readonly pulledAt: number;
  /** Where the queue has it: the queue's own note. */
  place: number;
}

/** Images by the order in which they go: a binary heap that knows where everyone is. */
export class EvictionQueue<Image extends Ranked> {
  readonly #heap: Image[] = [];

  get size(): number {
    return this.#heap.length;
  }

  add(image: Image): void {
    this.#heap.push(image);
    this.#rise(image, this.#heap.length - 1);
  }

  /** Takes out the one that goes first; null if there is none. */
  takeFirst(): Image | null {
    const first = this.#heap[0];
    if (first === undefined) return null;
    this.remove(first);
    return first;
  }

  /** Takes out `image`, if it is there. It must rank as it did when it was added. */
  remove(image: Image): void {
    const { place } = image;
    if (this.#heap[place] !== image) return;
    const last = this.#heap.pop();
    if (last === undefined || last === image) return;
    this.#sink(last, place);
    this.#rise(last, last.place);
  }

  #rise(image: Image, from: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#heap[above];
      if (parent === undefined || goesBefore(parent, image)) break;
      this.#put(parent, place);
      place = above;
    }
    this.#put(image, place);
  }

  #sink(image: Image, from: number): void {
    let place = from;
    while (true) {
      const below = this.#firstBelow(place);
      const child = this.#heap[below];
      if (child === undefined || goesBefore(image, child)) break;
      this.#put(child, place);
      place = below;
    }
    this.#put(image, place);
  }

  #firstBelow(place: number): number {
    const left = this.#heap[2 * place + 1];
    const right = this.#heap[2 * place + 2];
    const rightFirst = left !== undefined && right !== undefined && goesBefore(right, left);
    return 2 * place + (rightFirst ? 2 : 1);
  }

  #put(image: Image, place: number): void {
    this.#heap[place] = image;
    image.place = place;
  }
}

function goesBefore(one: Ranked, other: Ranked): boolean {
  if (one.priority !== other.priority) return one.priority < other.priority;
  return one.pulledAt < other.pulledAt;
}
