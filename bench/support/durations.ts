import type { Size } from "./question.ts";

interface Duration {
  readonly full: number;
  readonly quick: number;
}

/** How many seconds each question takes on two quiet cores, by its name. */
export const durations: Readonly<Record<string, Duration>> = {
  "warm-blob": { full: 144, quick: 7 },
  "warm-tls": { full: 77, quick: 3 },
  "cold-blob": { full: 160, quick: 5 },
  stampede: { full: 155, quick: 5 },
  "long-line": { full: 111, quick: 5 },
  "parallel-fill": { full: 114, quick: 9 },
  "first-byte": { full: 84, quick: 5 },
  "warm-manifest": { full: 112, quick: 10 },
  login: { full: 41, quick: 6 },
  skopeo: { full: 44, quick: 5 },
  memory: { full: 196, quick: 9 },
  "large-catalog": { full: 80, quick: 5 },
  "kept-traffic": { full: 44, quick: 5 },
  growth: { full: 133, quick: 12 },
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
