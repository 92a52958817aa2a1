import { setTimeout as delay } from "node:timers/promises";
import { retryAfterMs } from "../../upstream/accounts/retry-after.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import { UpstreamError, type UpstreamFailure } from "../../upstream/upstream-error.ts";

/** What upstream is asked for: the answer about a blob, or the rest of one that broke off. */
export type Asked = "answer" | "rest";

export interface RetriesOptions {
  readonly upstream: Upstream;
  readonly asked: Asked;
  /** What has gone wrong already. */
  readonly met?: UpstreamError | null;
  /** Aborting it ends the pause before the next try. */
  readonly signal: AbortSignal;
}

// Cuts come in series, where a proxy or a link limits the length of answers. One more try for every MiB that came
// lets such a series end, and an upstream that sends a byte at a time not go on for ever.
const triesWithoutProgress = 5;
const bytesForOneMoreTry = 1024 * 1024;

// How long is insisted when nothing comes. Until the answer has begun the client sees nothing, and may give up at 10 s:
// with a last try that connects for 5 s, and the pause before it, it is told before. A blob that has begun is worth
// more: a link that flaps is back within a minute, and clients wait longer than that for bytes.
const insistsForMs: Readonly<Record<Asked, number>> = { answer: 3_000, rest: 60_000 };

// 100, 200, 400 … ms, less up to a half by chance so that many fills do not come back at once.
const firstPauseMs = 100;

// Of an upstream that limits and does not say for how long.
const unsaidLimitMs = 1_000;

/**
 * When upstream is asked again for a blob, and how often. Clients do not go elsewhere for one, so the mirror insists; but
 * no more than the upstream's budget of retries allows, and not while it is left alone.
 */
export class Retries {
  readonly #options: RetriesOptions;
  #sinceMs = performance.now();
  #receivedBytes = 0;
  #unspentBytes = 0;
  #tries = 0;
  #triesSinceProgress = 0;
  // What went wrong last, other than that nobody was asked.
  #met: UpstreamError | null;

  constructor(options: RetriesOptions) {
    this.#options = options;
    this.#met = options.met ?? null;
  }

  /** What came of the last try. */
  progressed(receivedBytes: number): void {
    this.#receivedBytes += receivedBytes;
    this.#unspentBytes += receivedBytes;
    this.#triesSinceProgress = 0;
    this.#met = null;
  }

  /**
   * What `ask` resolves to, called again after a pause as long as its failure may pass. Rejects as the last call did that
   * reached upstream.
   */
  async run<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        await this.#pauseAfter(error);
      }
    }
  }

  /** Rejects if upstream is not to be asked again. */
  async #pauseAfter(error: unknown): Promise<void> {
    const { signal } = this.#options;
    if (signal.aborted || !(error instanceof UpstreamError)) throw error;
    const pauseMs = error.failure.kind === "down" ? this.#whileDown(error) : this.#after(error);
    await delay(pauseMs, undefined, { signal });
  }

  /** The pause after a try that failed. Throws `error` if it was the last one. */
  #after(error: UpstreamError): number {
    if (!this.#met && this.#options.asked === "rest") this.#sinceMs = performance.now();
    this.#met = error;
    this.#tries++;
    this.#triesSinceProgress++;
    if (!this.#mayPass(error.failure) || this.#isTooOften() || !this.#isPaidFor()) throw error;
    const limitMs = limitMsOf(error.failure);
    if (limitMs !== null) return this.#unlessTooLong(limitMs, error);
    return firstPauseMs * 2 ** (this.#triesSinceProgress - 1) * (1 - Math.random() / 2);
  }

  /**
   * The pause until the upstream may be asked again that has just been found to be down. Throws if that is too long, or
   * it was known before: then there is nothing to wait for.
   */
  #whileDown(error: UpstreamError): number {
    const met = this.#met;
    if (!met) throw error;
    return this.#unlessTooLong(this.#options.upstream.down?.leftMs ?? 0, met);
  }

  #unlessTooLong(waitMs: number, error: UpstreamError): number {
    const pauseMs = Math.max(firstPauseMs, waitMs);
    if (this.#passedMs() + pauseMs > insistsForMs[this.#options.asked]) throw error;
    return pauseMs;
  }

  /** Whether the next try may meet something else. */
  #mayPass(failure: UpstreamFailure): boolean {
    const { asked } = this.#options;
    switch (failure.kind) {
      case "unreachable":
      case "exhausted":
      case "cut":
        return true;
      case "status":
        // Below 500 upstream has understood and means it; but with 429 only for now, which clients take for the end.
        return asked === "rest" || failure.status >= 500 || failure.status === 429;
      case "relayed":
        // The mirror before us insists as well: if each of a chain did, a registry in trouble would be asked the product.
        return false;
      case "timeout":
      case "busy":
      case "guessed":
      case "refused":
        // Signed URLs and tokens expire in the middle of a blob. At its beginning fresh ones were refused, and who waited
        // has waited enough.
        return asked === "rest";
      case "down":
      case "offline":
      case "forbidden-hop":
      case "credentials":
      case "too-large":
      case "nonsense":
        return false;
    }
  }

  #isTooOften(): boolean {
    if (this.#passedMs() > insistsForMs[this.#options.asked]) return true;
    const triesInAll = triesWithoutProgress + this.#receivedBytes / bytesForOneMoreTry;
    return this.#tries > triesInAll || this.#triesSinceProgress > triesWithoutProgress;
  }

  /** What has come pays for going on with it; else it is one of the upstream's retries, of which there may be none. */
  #isPaidFor(): boolean {
    const { upstream } = this.#options;
    if (this.#unspentBytes < bytesForOneMoreTry)
      return upstream.down !== null || upstream.mayRetry();
    this.#unspentBytes = 0;
    return true;
  }

  #passedMs(): number {
    return performance.now() - this.#sinceMs;
  }
}

/** For how long an upstream that limits wants to be left alone, in ms; null if it does not. */
function limitMsOf(failure: UpstreamFailure): number | null {
  if (failure.kind !== "status" || failure.status !== 429) return null;
  return failure.retryAfter === null
    ? unsaidLimitMs
    : retryAfterMs(failure.retryAfter, Date.now(), Number.POSITIVE_INFINITY);
}
