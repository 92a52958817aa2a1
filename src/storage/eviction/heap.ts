/**
 * Things of which the one is at hand that goes before all others: a binary heap, so that to add or take one out costs the
 * logarithm of how many there are.
 */
export class Heap<Item> {
  readonly #items: Item[] = [];
  readonly #goesBefore: (one: Item, other: Item) => boolean;
  readonly #placed: (item: Item, place: number) => void;

  /** `placed` is told where each is, whenever that changes, for who wants to take one out before its turn. */
  constructor(
    goesBefore: (one: Item, other: Item) => boolean,
    placed: (item: Item, place: number) => void = () => undefined,
  ) {
    this.#goesBefore = goesBefore;
    this.#placed = placed;
  }

  get first(): Item | undefined {
    return this.#items[0];
  }

  add(item: Item): void {
    this.#items.push(item);
    this.#rise(item, this.#items.length - 1);
  }

  /** Takes out the one that goes first. */
  takeFirst(): Item | undefined {
    const { first } = this;
    if (first !== undefined) this.remove(first, 0);
    return first;
  }

  /** Takes out `item`, if it is at `place`. It must go before whom it went before when it was added. */
  remove(item: Item, place: number): void {
    if (this.#items[place] !== item) return;
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#rise(last, this.#sink(last, place));
  }

  #rise(item: Item, from: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#items[above];
      if (parent === undefined || !this.#goesBefore(item, parent)) break;
      this.#put(parent, place);
      place = above;
    }
    this.#put(item, place);
  }

  /** Where it comes to rest. */
  #sink(item: Item, from: number): number {
    let place = from;
    for (;;) {
      const below = this.#firstBelow(place);
      const child = this.#items[below];
      if (child === undefined || !this.#goesBefore(child, item)) return place;
      this.#put(child, place);
      place = below;
    }
  }

  #firstBelow(place: number): number {
    const left = this.#items[2 * place + 1];
    const right = this.#items[2 * place + 2];
    const isRight = left !== undefined && right !== undefined && this.#goesBefore(right, left);
    return 2 * place + (isRight ? 2 : 1);
  }

  #put(item: Item, place: number): void {
    this.#items[place] = item;
    this.#placed(item, place);
  }
}
