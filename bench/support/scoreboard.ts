/** One value for each row that a contestant was measured for in a round, by the row's label. */
export type Reading = Readonly<Record<string, number>>;

/** What was measured, and what went wrong, of one question. */
export class Scoreboard {
  readonly #samples = new Map<string, number[]>();
  readonly #points = new Map<string, Map<number, readonly number[]>>();
  readonly #notes: string[] = [];

  add(contestant: string, reading: Reading): void {
    for (const [label, value] of Object.entries(reading)) {
      const key = keyOf(contestant, label);
      this.#samples.set(key, [...(this.#samples.get(key) ?? []), value]);
    }
  }

  /** A sample of sluice, when there is `at` of what there is more and more of. */
  addPoint(label: string, at: number, value: number): void {
    const points = this.#points.get(label) ?? new Map<number, readonly number[]>();
    this.#points.set(label, points.set(at, [...(points.get(at) ?? []), value]));
  }

  points(label: string): ReadonlyMap<number, readonly number[]> {
    return this.#points.get(label) ?? new Map();
  }

  /** Those that have samples, in the order of their first. */
  get contestants(): readonly string[] {
    return [...new Set([...this.#samples.keys()].map((key) => key.slice(0, key.indexOf("\n"))))];
  }

  /** In the order of the rounds; empty for a contestant that was not there. */
  samples(contestant: string, label: string): readonly number[] {
    return this.#samples.get(keyOf(contestant, label)) ?? [];
  }

  /** Forgets all samples of `contestant`. */
  strike(contestant: string): void {
    for (const key of this.#samples.keys()) {
      if (key.startsWith(keyOf(contestant, ""))) this.#samples.delete(key);
    }
  }

  note(text: string): void {
    this.#notes.push(text);
    console.error(`  ! ${text}`);
  }

  get notes(): readonly string[] {
    return this.#notes;
  }
}

function keyOf(contestant: string, label: string): string {
  return `${contestant}\n${label}`;
}
