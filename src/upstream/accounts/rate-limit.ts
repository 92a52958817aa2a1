import type { UpstreamFailure } from "../upstream-error.ts";
import { retryAfterMs } from "./retry-after.ts";

export interface Clocks {
  /** The wall clock, in ms since the epoch. */
  readonly now: () => number;
  /** A clock that never jumps, in ms. */
  readonly monotonicMs: () => number;
}

// Whatever an upstream asks for, it is tried again after so long: a header that says "tomorrow" by mistake must not
// stop a site for a day.
const longestMs = 5 * 60_000;

/**
 * The time that an endpoint has asked to be left alone for, by 429 and `Retry-After`. Who asks all the same is limited
 * for longer, or banned.
 */
export class RateLimit {
  readonly #clocks: Clocks;
  #untilMs = 0;
  #words = "";

  constructor(clocks: Clocks) {
    this.#clocks = clocks;
  }

  note(failure: UpstreamFailure): void {
    if (failure.kind !== "status" || failure.status !== 429) return;
    const { now, monotonicMs } = this.#clocks;
    const waitMs = retryAfterMs(failure.retryAfter, now(), longestMs);
    this.#untilMs = Math.max(this.#untilMs, monotonicMs() + waitMs);
    this.#words = failure.words;
  }

  /** How long it may not be asked yet, in ms; 0 if it may be. */
  get leftMs(): number {
    return Math.max(0, this.#untilMs - this.#clocks.monotonicMs());
  }

  /** What the endpoint said, with the time that is left. */
  current(): UpstreamFailure {
    const retryAfter = String(Math.ceil(this.leftMs / 1000));
    return { kind: "status", status: 429, words: this.#words, retryAfter };
  }
}
