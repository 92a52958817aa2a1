import type { Size } from "./question.ts";

interface Duration {
  readonly full: number;
  readonly quick: number;
}

/** How many seconds each question takes on two quiet cores, by its name. */
export const durations: Readonly<Record<string, Duration>> = {
  "warm-blob": { full: 126, quick: 6 },
  "warm-tls": { full: 67, quick: 3 },
  "cold-blob": { full: 127, quick: 4 },
  stampede: { full: 90, quick: 4 },
  "long-line": { full: 104, quick: 5 },
  "parallel-fill": { full: 111, quick: 8 },
  "first-byte": { full: 78, quick: 4 },
  "warm-manifest": { full: 99, quick: 10 },
  login: { full: 35, quick: 5 },
  skopeo: { full: 32, quick: 4 },
  memory: { full: 191, quick: 9 },
  "large-catalog": { full: 70, quick: 4 },
  "kept-traffic": { full: 35, quick: 4 },
  growth: { full: 119, quick: 14 },
};

/** Of a run, how many seconds are left: what is known of questions, by how long those before took beside that. */
export class Countdown {
  readonly #size: Size["name"];
  readonly #names: readonly string[];
  #tookSeconds = 0;
  #at = 0;

  constructor(names: readonly string[], size: Size["name"]) {
    this.#names = names;
    this.#size = size;
  }

  /** One more question was answered, in so many seconds. */
  note(seconds: number): void {
    this.#tookSeconds += seconds;
    this.#at += 1;
  }

  get leftSeconds(): number {
    const expected = secondsOf(this.#names.slice(0, this.#at), this.#size);
    const pace = expected === 0 ? 1 : this.#tookSeconds / expected;
    return pace * secondsOf(this.#names.slice(this.#at), this.#size);
  }

  /** Such as `3 of 14, some 4 min left`, of the question that is next. */
  get text(): string {
    const left = this.leftSeconds;
    return `${this.#at + 1} of ${this.#names.length}, some ${left < 100 ? `${Math.ceil(left / 10) * 10} s` : `${Math.round(left / 60)} min`} left`;
  }
}

/** How long questions take together. */
export function secondsOf(names: readonly string[], size: Size["name"]): number {
  return names.reduce((sum, name) => sum + (durations[name]?.[size] ?? 0), 0);
}
