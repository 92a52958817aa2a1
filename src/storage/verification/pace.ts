import { setTimeout as after } from "node:timers/promises";

export interface PaceOptions {
  /** In bytes a second, as it is now; null: as fast as it goes. */
  readonly rate: () => number | null;
  /** A clock that never jumps, in ms. */
  readonly monotonicMs: () => number;
  /** Rejects when `signal` is aborted. */
  readonly pause?: (durationMs: number, signal: AbortSignal) => Promise<void>;
}

/** Keeps work on bytes at a rate. Time in which nothing was done is not made up for. */
export class Pace {
  readonly #options: PaceOptions;
  #dueAtMs = 0;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** Resolves when it is time to go on after so many bytes; rejects when `signal` is aborted. */
  async spend(bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { rate, monotonicMs, pause = pauseFor } = this.#options;
    const bytesPerSecond = rate();
    if (bytesPerSecond === null) return;
    const nowMs = monotonicMs();
    this.#dueAtMs = Math.max(this.#dueAtMs, nowMs) + (1000 * bytes) / bytesPerSecond;
    const waitMs = this.#dueAtMs - nowMs;
    // Timers are no finer.
    if (waitMs >= 1) await pause(waitMs, signal);
  }
}

// What a timer can wait for, which is 24 days. Whoever asks for less than a byte in that time gets somewhat more.
const longestPauseMs = 2 ** 31 - 1;

async function pauseFor(durationMs: number, signal: AbortSignal): Promise<void> {
  await after(Math.min(durationMs, longestPauseMs), null, { signal });
}
