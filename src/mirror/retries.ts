import { setTimeout as delay } from "node:timers/promises";
import { UpstreamError, type UpstreamFailure } from "../upstream/upstream-error.ts";

/** What upstream is asked for: the answer about a blob, or the rest of one that broke off. */
export type Asked = "answer" | "rest";

// Cuts come in series, where a proxy or a link limits the length of answers. One more try for every MiB that came
// lets such a series end, and an upstream that sends a byte at a time not go on for ever.
const triesWithoutProgress = 5;
const bytesForOneMoreTry = 1024 * 1024;

// Until the answer has begun the client sees nothing, and may give up at 10 s: with a last try that connects for 5 s,
// and the pause before it, it is told before.
const answerWithinMs = 3_000;

// 100, 200, 400 … ms, less up to a half by chance so that many fills do not come back at once.
const firstPauseMs = 100;

/** When upstream is asked again for a blob, and how often. Clients do not go elsewhere for one, so the mirror insists. */
export class Retries {
  readonly #asked: Asked;
  readonly #signal: AbortSignal;
  readonly #begunMs = performance.now();
  #receivedBytes = 0;
  #tries = 0;
  #triesSinceProgress = 0;

  /** Aborting `signal` ends the pause before the next try. */
  constructor(asked: Asked, signal: AbortSignal) {
    this.#asked = asked;
    this.#signal = signal;
  }

  /** What came of the last try. */
  progressed(receivedBytes: number): void {
    this.#receivedBytes += receivedBytes;
    this.#triesSinceProgress = 0;
  }

  /** What `ask` resolves to, called again after a pause as long as its failure may pass. Rejects as the last call did. */
  async run<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        await this.#pauseAfter(error);
      }
    }
  }

  /** Rejects with `error` if upstream is not to be asked again. */
  async #pauseAfter(error: unknown): Promise<void> {
    if (this.#signal.aborted || !(error instanceof UpstreamError)) throw error;
    this.#tries++;
    this.#triesSinceProgress++;
    if (!this.#mayPass(error.failure) || this.#isTooOften()) throw error;
    const pauseMs = firstPauseMs * 2 ** (this.#triesSinceProgress - 1) * (1 - Math.random() / 2);
    await delay(pauseMs, undefined, { signal: this.#signal });
  }

  /** Whether the next try may meet something else. */
  #mayPass(failure: UpstreamFailure): boolean {
    switch (failure.kind) {
      case "unreachable":
      case "cut":
        return true;
      case "status":
        // Below 500 upstream has understood and means it; with 429 it has even said how long to wait.
        return this.#asked === "rest" || failure.status >= 500;
      case "timeout":
      case "refused":
        // Signed URLs and tokens expire in the middle of a blob. At its beginning fresh ones were refused, and who waited
        // has waited enough.
        return this.#asked === "rest";
      case "down":
      case "forbidden-hop":
      case "credentials":
      case "too-large":
      case "nonsense":
        return false;
    }
  }

  #isTooOften(): boolean {
    if (this.#asked === "answer" && performance.now() - this.#begunMs > answerWithinMs) return true;
    const triesInAll = triesWithoutProgress + this.#receivedBytes / bytesForOneMoreTry;
    return this.#tries > triesInAll || this.#triesSinceProgress > triesWithoutProgress;
  }
}
