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
 * The time for which whoever asks an endpoint is to leave it alone, by 429 and `Retry-After`. Who asks all the same is
 * limited for longer, or banned.
 */
export class RateLimit {
  readonly #clocks: Clocks;
  #untilMs = 0;

  constructor(clocks: Clocks) {
    this.#clocks = clocks;
  }

  /** `retryAfter`: the header that came with the status; null for none. */
  note(status: number, retryAfter: string | null): void {
    if (status !== 429) return;
    const { now, monotonicMs } = this.#clocks;
    const waitMs = retryAfterMs(retryAfter, now(), longestMs);
    this.#untilMs = Math.max(this.#untilMs, monotonicMs() + waitMs);
  }

  /** How long it may not be asked yet, in ms; 0 if it may be. */
  get leftMs(): number {
    return Math.max(0, this.#untilMs - this.#clocks.monotonicMs());
  }

  /** What the endpoint said, with the time that is left. */
  current(): UpstreamFailure {
    return limitedFor(this.leftMs, "");
  }
}

/** What an endpoint said, in these words, that may be asked again in so many ms. */
export function limitedFor(leftMs: number, words: string): UpstreamFailure {
  return { kind: "status", status: 429, words, retryAfter: String(Math.ceil(leftMs / 1000)) };
}
