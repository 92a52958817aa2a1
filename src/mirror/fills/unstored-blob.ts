import type { Hash } from "node:crypto";
import { type Digest, hexOf } from "../../oci/digest.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { waitFor } from "../../telemetry/waits.ts";
import type { UpstreamBlob } from "../../upstream/answers.ts";
import type { Place } from "../../upstream/exchange/place.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { BlobReader } from "../blob-reader.ts";
import { holdBackBytes } from "./hold-back.ts";
import { ResumedBlob } from "./resumed-blob.ts";

export interface UnstoredBlobOptions {
  readonly upstream: Upstream;
  readonly place: Place;
  readonly digest: Digest;
  readonly sizeBytes: number | null;
  /** Reading begins here; what lies before is somewhere else. */
  readonly startBytes: number;
  /** Of the bytes before `startBytes`. */
  readonly hash: Hash;
  /** An answer that begins there; null to ask for one. */
  readonly begun: UpstreamBlob | null;
  readonly metrics: Metrics;
}

/**
 * A blob, or the end of one, on its way to one reader only, past a store that has no room for it. Held back and
 * verified as a fill is, but slowed by its reader; read forward only, what lies before a position is thrown away.
 */
export class UnstoredBlob implements BlobReader {
  readonly sizeBytes: number | null;
  readonly #options: UnstoredBlobOptions;
  readonly #incoming: ResumedBlob;
  readonly #disposed = new AbortController();
  readonly #hash: Hash;
  // Bytes that have come and are not read: the window from `#windowStart`.
  #window: Buffer = Buffer.alloc(0);
  #windowStart: number;
  #verified = false;

  constructor(options: UnstoredBlobOptions) {
    const { sizeBytes, startBytes, hash } = options;
    this.sizeBytes = sizeBytes;
    this.#options = options;
    this.#hash = hash;
    this.#windowStart = startBytes;
    this.#incoming = new ResumedBlob({
      ...options,
      signal: this.#disposed.signal,
      hashCopy: () => Promise.resolve(hash.copy()),
    });
  }

  async read(target: Uint8Array, positionBytes: number): Promise<number> {
    if (positionBytes < this.#windowStart) throw new Error("an unstored blob is read forward only");
    for (;;) {
      this.#skipTo(positionBytes);
      const heldBytes = this.#verified ? 0 : holdBackBytes;
      const readableBytes =
        this.#windowStart === positionBytes ? this.#window.length - heldBytes : 0;
      if (readableBytes > 0) return this.#window.copy(target, 0, 0, readableBytes);
      if (this.#verified) return 0;
      await this.#takeBatch();
    }
  }

  /** Takes what is missing, which must be little; resolves when the digest is right. */
  async verified(): Promise<void> {
    while (!this.#verified) await this.#takeBatch();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort();
    this.#options.begun?.drop();
  }

  #skipTo(positionBytes: number): void {
    const skippedBytes = Math.min(positionBytes - this.#windowStart, this.#window.length);
    this.#window = this.#window.subarray(skippedBytes);
    this.#windowStart += skippedBytes;
  }

  async #takeBatch(): Promise<void> {
    const { crowd } = this.#options.upstream;
    using batch = await waitFor("body", () => crowd.stay(() => this.#incoming.next()));
    if (!batch) return this.#verify();
    for (const chunk of batch.chunks) this.#hash.update(chunk);
    this.#window = Buffer.concat([this.#window, ...batch.chunks]);
  }

  #verify(): void {
    const { digest, upstream, metrics } = this.#options;
    if (this.#hash.digest("hex") !== hexOf(digest)) {
      for (const answerer of this.#incoming.answerers) answerer.noteWrongBytes();
      metrics.digestMismatches.inc({ upstream: upstream.name });
      const reason = `asked for ${digest} it sent other content`;
      throw new UpstreamError(upstream.name, { kind: "nonsense", reason });
    }
    this.#verified = true;
  }
}
