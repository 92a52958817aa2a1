// With every request a retry in ten is earned: what fails is asked for a tenth more at most.
const earnedPerRequest = 0.1;

// Whoever asks seldom may insist all the same: so many retries at once, and one more every other second.
const mostRetries = 10;
const earnedPerMs = 1 / 2_000;

/**
 * How many retries an upstream is burdened with: a share of the requests that it gets anyway. In an outage all of them
 * fail, and each would be asked again and again by as many as wait.
 */
export class RetryBudget {
  readonly #monotonicMs: () => number;
  #retries = mostRetries;
  #atMs: number;

  /** `monotonicMs` is a clock that never jumps. */
  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
    this.#atMs = monotonicMs();
  }

  /** A request was made. */
  earn(): void {
    this.#add(earnedPerRequest);
  }

  /** Whether there may be one retry now. */
  take(): boolean {
    this.#add(0);
    // What was earned by tenths adds up to a little less than it should.
    if (this.#retries < 1 - 1e-9) return false;
    this.#retries -= 1;
    return true;
  }

  #add(retries: number): void {
    const nowMs = this.#monotonicMs();
    const earned = retries + (nowMs - this.#atMs) * earnedPerMs;
    this.#retries = Math.min(mostRetries, this.#retries + earned);
    this.#atMs = nowMs;
  }
}
