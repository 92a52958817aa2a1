import type { SeededRandom } from "../../test/support/seeded-random.ts";

/** Ranks from 0, of which rank k is picked in proportion to 1 / (k + 1)^exponent. */
export class Zipf {
  /** The chance of a rank up to each. */
  readonly #upTo: readonly number[];

  constructor(count: number, exponent: number) {
    const weights = Array.from({ length: count }, (_, rank) => 1 / (rank + 1) ** exponent);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let sum = 0;
    this.#upTo = weights.map((weight) => {
      sum += weight / total;
      return sum;
    });
  }

  pick(random: SeededRandom): number {
    const wanted = random.next();
    let low = 0;
    let high = this.#upTo.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#upTo[middle] ?? 1) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
