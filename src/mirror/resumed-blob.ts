import { createHash, type Hash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { algorithmOf, type Digest } from "../oci/digest.ts";
import type { Place } from "../upstream/place.ts";
import type { Upstream, UpstreamBlob } from "../upstream/upstream.ts";
import { UpstreamError, type UpstreamFailure } from "../upstream/upstream-error.ts";

export interface ResumedBlobOptions {
  readonly upstream: Upstream;
  readonly place: Place;
  readonly digest: Digest;
  /** The answer that is read first; null to ask for one when the first bytes are wanted. */
  readonly begun: UpstreamBlob | null;
  /** Where reading begins. */
  readonly startBytes: number;
  /** Of the whole blob; null if it is not known yet. */
  readonly sizeBytes: number | null;
  /** Aborting it ends the transfer, or the pause before the next try. */
  readonly signal: AbortSignal;
  /** The hash of all bytes before the one that `next` goes on with. */
  readonly hashCopy: () => Hash;
}

// Cuts come in series, where a proxy or a link limits the length of answers. One more try for every MiB that came
// lets such a series end, and an upstream that sends a byte at a time not go on for ever.
const triesWithoutProgress = 5;
const bytesForOneMoreTry = 1024 * 1024;

// What may have passed with the next try; a refusal too, for signed URLs and tokens expire.
const passing: ReadonlySet<UpstreamFailure["kind"]> = new Set([
  "unreachable",
  "timeout",
  "cut",
  "status",
  "refused",
]);

// 100, 200, 400 … ms, less up to a half by chance so that many fills do not come back at once.
const firstPauseMs = 100;

/**
 * A blob on its way that survives cuts: what broke off is asked for again from where it ended, through the
 * registry itself, because the signed URLs that registries redirect to are only good for minutes.
 */
export class ResumedBlob {
  readonly #options: ResumedBlobOptions;
  #blob: UpstreamBlob | null;
  #positionBytes: number;
  #tries = 0;
  #triesSinceProgress = 0;

  constructor(options: ResumedBlobOptions) {
    this.#options = options;
    this.#blob = options.begun;
    this.#positionBytes = options.startBytes;
  }

  /** The next bytes, or null at the end. Rejects with UpstreamError when upstream has failed too often. */
  async next(): Promise<readonly Buffer[] | null> {
    for (;;) {
      try {
        const batch = await this.#take();
        if (batch) this.#advance(batch);
        return batch;
      } catch (failure) {
        if (!this.#mayTryAgain(failure)) throw failure;
        this.#blob = null;
        await this.#pause();
      }
    }
  }

  async #take(): Promise<readonly Buffer[] | null> {
    if (this.#blob) return await this.#blob.next();
    const blob = await this.#ask();
    this.#blob = blob;
    return blob.startBytes === this.#positionBytes
      ? await blob.next()
      : await this.#skipKnown(blob);
  }

  #advance(batch: readonly Buffer[]): void {
    this.#positionBytes += batch.reduce((sum, chunk) => sum + chunk.length, 0);
    this.#triesSinceProgress = 0;
  }

  #mayTryAgain(error: unknown): boolean {
    if (this.#options.signal.aborted || !(error instanceof UpstreamError)) return false;
    if (!passing.has(error.failure.kind)) return false;
    this.#tries++;
    this.#triesSinceProgress++;
    const triesInAll = triesWithoutProgress + this.#positionBytes / bytesForOneMoreTry;
    return this.#tries <= triesInAll && this.#triesSinceProgress <= triesWithoutProgress;
  }

  async #pause(): Promise<void> {
    const pauseMs = firstPauseMs * 2 ** (this.#triesSinceProgress - 1) * (1 - Math.random() / 2);
    await delay(pauseMs, undefined, { signal: this.#options.signal });
  }

  async #ask(): Promise<UpstreamBlob> {
    const { upstream, place, digest, sizeBytes, signal } = this.#options;
    const blob =
      this.#positionBytes === 0
        ? await upstream.getBlob(place, digest, signal)
        : await upstream.getBlobFrom(place, digest, this.#positionBytes, signal);
    if (!blob) throw this.#nonsense("the blob is gone in the middle of its download");
    if (sizeBytes === null || blob.sizeBytes === null || blob.sizeBytes === sizeBytes) return blob;
    blob.drop();
    throw this.#nonsense(`the blob had ${sizeBytes} bytes, and then ${blob.sizeBytes}`);
  }

  /**
   * Upstream began from the start: what is known must come again, the same byte for byte. Resolves to what came
   * behind it in the same batch.
   */
  async #skipKnown(blob: UpstreamBlob): Promise<readonly Buffer[]> {
    const { digest, hashCopy } = this.#options;
    const hash = createHash(algorithmOf(digest));
    const rest: Buffer[] = [];
    for (let missingBytes = this.#positionBytes; missingBytes > 0; ) {
      const batch = await blob.next();
      if (!batch) throw this.#nonsense("its second answer is shorter than its first");
      for (const chunk of batch) {
        const known = chunk.subarray(0, missingBytes);
        hash.update(known);
        missingBytes -= known.length;
        if (known.length < chunk.length) rest.push(chunk.subarray(known.length));
      }
    }
    if (hash.digest("hex") === hashCopy().digest("hex")) return rest;
    blob.drop();
    throw this.#nonsense("its second answer does not begin as its first did");
  }

  #nonsense(reason: string): UpstreamError {
    return new UpstreamError(this.#options.upstream.name, { kind: "nonsense", reason });
  }
}
