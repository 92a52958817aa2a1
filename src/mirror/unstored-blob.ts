import { createHash, type Hash } from "node:crypto";
import { algorithmOf, type Digest, hexOf } from "../oci/digest.ts";
import type { UpstreamBlob } from "../upstream/upstream.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import type { BlobReader } from "./blob-reader.ts";
import { holdBackBytes } from "./fill-reader.ts";

/**
 * A blob on its way to one reader only, past a store that has no room for it. Held back and verified as a
 * fill is, and slowed by its reader; read forward only, what lies before a position is thrown away.
 */
export class UnstoredBlob implements BlobReader {
  readonly #blob: UpstreamBlob;
  readonly #digest: Digest;
  readonly #upstream: string;
  readonly #hash: Hash;
  // Bytes that have come and are not read: the window from `#windowStart`.
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;
  #verified = false;

  constructor(blob: UpstreamBlob, digest: Digest, upstream: string) {
    this.#blob = blob;
    this.#digest = digest;
    this.#upstream = upstream;
    this.#hash = createHash(algorithmOf(digest));
  }

  get sizeBytes(): number | null {
    return this.#blob.sizeBytes;
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.#blob.drop();
  }

  #skipTo(positionBytes: number): void {
    const skippedBytes = Math.min(positionBytes - this.#windowStart, this.#window.length);
    this.#window = this.#window.subarray(skippedBytes);
    this.#windowStart += skippedBytes;
  }

  async #takeBatch(): Promise<void> {
    const batch = await this.#blob.next();
    if (!batch) return this.#verify();
    for (const chunk of batch) this.#hash.update(chunk);
    this.#window = Buffer.concat([this.#window, ...batch]);
  }

  #verify(): void {
    const hex = this.#hash.digest("hex");
    if (hex !== hexOf(this.#digest)) {
      const reason = `asked for ${this.#digest} it sent other content`;
      throw new UpstreamError(this.#upstream, { kind: "nonsense", reason });
    }
    this.#verified = true;
  }
}
