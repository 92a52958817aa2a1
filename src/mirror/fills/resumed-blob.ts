import { createHash, type Hash } from "node:crypto";
import { algorithmOf, type Digest } from "../../oci/digest.ts";
import type { Answerer, UpstreamBlob } from "../../upstream/answers.ts";
import type { Batch } from "../../upstream/exchange/batch.ts";
import type { Place } from "../../upstream/exchange/place.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { IncomingBlob } from "./incoming-blob.ts";
import { partOfBatch } from "./part-of-batch.ts";
import { Retries } from "./retries.ts";

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
  /** Where what is missing ends, when it is asked for; without it, and for null, at the end of the blob. */
  readonly until?: () => number | null;
  /** What went wrong with another try to get what is missing. */
  readonly met?: UpstreamError | null;
  /** Aborting it ends the transfer, or the pause before the next try. */
  readonly signal: AbortSignal;
  /** The hash of all bytes before the one that `next` goes on with. */
  readonly hashCopy: () => Promise<Hash>;
}

/**
 * A blob on its way that survives cuts: what broke off is asked for again from where it ended, through the
 * registry itself, because the signed URLs that registries redirect to are only good for minutes.
 */
export class ResumedBlob implements IncomingBlob {
  readonly #options: ResumedBlobOptions;
  readonly #retries: Retries;
  // Whoever broke off is asked last.
  readonly #broke = new Set<Answerer>();
  readonly #answerers = new Set<Answerer>();
  #blob: UpstreamBlob | null;
  #positionBytes: number;

  constructor(options: ResumedBlobOptions) {
    this.#options = options;
    const { upstream, signal, met = null } = options;
    this.#retries = new Retries({ upstream, asked: "rest", signal, met });
    this.#blob = options.begun;
    this.#positionBytes = options.startBytes;
  }

  /** The next bytes, or null at the end. Rejects with UpstreamError when upstream has failed too often. */
  async next(): Promise<Batch | null> {
    const batch = await this.#retries.run(() => this.#take());
    if (batch) this.#advance(batch.sizeBytes);
    return batch;
  }

  get answerers(): ReadonlySet<Answerer> {
    return this.#answerers;
  }

  [Symbol.dispose](): void {
    this.#blob?.drop();
  }

  async #take(): Promise<Batch | null> {
    const begun = this.#blob;
    // What breaks off now is not gone on with.
    this.#blob = null;
    const blob = begun ?? (await this.#ask());
    this.#answerers.add(blob.answerer);
    const isKnown = begun === null && blob.startBytes !== this.#positionBytes;
    try {
      const batch = isKnown ? await this.#skipKnown(blob) : await blob.next();
      this.#blob = blob;
      return batch;
    } catch (error) {
      this.#avoid(blob.answerer);
      throw error;
    }
  }

  /** All have had their turn when one breaks off again. */
  #avoid(answerer: Answerer): void {
    if (this.#broke.has(answerer)) this.#broke.clear();
    this.#broke.add(answerer);
  }

  #advance(receivedBytes: number): void {
    this.#positionBytes += receivedBytes;
    this.#retries.progressed(receivedBytes);
  }

  async #ask(): Promise<UpstreamBlob> {
    const { upstream, place, digest, sizeBytes, signal } = this.#options;
    if (this.#positionBytes > 0 || this.#broke.size > 0) {
      const endBytes = this.#options.until?.() ?? null;
      const missing = { startBytes: this.#positionBytes, endBytes, sizeBytes };
      const rest = { ...missing, avoid: this.#broke, signal };
      return await upstream.getRestOfBlob(place, digest, rest);
    }
    const blob = await upstream.getBlob(place, digest, signal);
    if (blob) return blob;
    throw this.#nonsense("the blob is gone in the middle of its download");
  }

  /**
   * Upstream began from the start: what is known must come again, the same byte for byte. Resolves to what came
   * behind it in the same batch, or else to what comes next.
   */
  async #skipKnown(blob: UpstreamBlob): Promise<Batch | null> {
    const { digest, hashCopy } = this.#options;
    const hash = createHash(algorithmOf(digest));
    let rest: Batch | null = null;
    for (let missingBytes = this.#positionBytes; missingBytes > 0; ) {
      const batch = await blob.next();
      if (!batch) throw this.#nonsense("its second answer is shorter than its first");
      const { sizeBytes } = batch;
      for (const chunk of partOfBatch(batch, 0, missingBytes).chunks) hash.update(chunk);
      if (sizeBytes > missingBytes) rest = partOfBatch(batch, missingBytes, sizeBytes);
      else batch[Symbol.dispose]();
      missingBytes -= sizeBytes;
    }
    const known = await hashCopy();
    if (hash.digest("hex") === known.digest("hex")) return rest ?? (await blob.next());
    blob.drop();
    blob.answerer.noteWrongBytes();
    throw this.#nonsense("its second answer does not begin as its first did");
  }

  #nonsense(reason: string): UpstreamError {
    return new UpstreamError(this.#options.upstream.name, { kind: "nonsense", reason });
  }
}
