import { emptyInMs, type Sample } from "./forecast.ts";
import { lowMark, type PullLimit } from "./pull-limit.ts";

/** `unlimited`: as far as is known, which is for one window at most. */
export type AllowanceState = "unlimited" | "fine" | "low" | "empty";

// A window has as many: enough for a forecast in minutes, and 2 KiB for each account at each endpoint.
const samplesLimit = 72;

/** What is left of the pulls that a registry lets one account have, as far as it has said. */
export class Allowance {
  /** In ms, of a clock that never jumps. */
  readonly #now: () => number;
  readonly #samples: Sample[] = [];
  #told: PullLimit | null = null;
  #toldAtMs = 0;
  #isLow = false;

  constructor(now: () => number) {
    this.#now = now;
  }

  note(told: PullLimit): void {
    const nowMs = this.#now();
    this.#told = told;
    this.#toldAtMs = nowMs;
    // Around the mark it would be low and fine again with every pull.
    const mark = this.#isLow ? 2 * lowMark(told.limit) : lowMark(told.limit);
    this.#isLow = told.remaining < mark && told.remaining < told.limit;
    this.#keep({ atMs: nowMs, remaining: told.remaining }, told.windowMs);
  }

  get state(): AllowanceState {
    const { told } = this;
    if (told === null) return "unlimited";
    if (told.remaining === 0) return "empty";
    return this.#isLow ? "low" : "fine";
  }

  /** What was said last; null once its window is over, for then all has come back. */
  get told(): PullLimit | null {
    if (this.#told === null) return null;
    return this.#now() - this.#toldAtMs < this.#told.windowMs ? this.#told : null;
  }

  /** As of `forecast.ts`. */
  get emptyInMs(): number | null {
    const { told } = this;
    return told && emptyInMs(this.#samples, this.#now(), told.windowMs);
  }

  #keep(sample: Sample, windowMs: number): void {
    while (this.#samples[0] && sample.atMs - this.#samples[0].atMs > windowMs) {
      this.#samples.shift();
    }
    const beforeLast = this.#samples.at(-2);
    const isClose = beforeLast && sample.atMs - beforeLast.atMs < windowMs / samplesLimit;
    // What comes back is seen only if the sample before it stays.
    const last = this.#samples.at(-1);
    if (isClose && last && sample.remaining <= last.remaining) this.#samples.pop();
    this.#samples.push(sample);
    if (this.#samples.length > 2 * samplesLimit) this.#samples.shift();
  }
}
