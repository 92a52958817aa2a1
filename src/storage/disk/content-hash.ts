import { createHash, type Hash } from "node:crypto";
import type { DigestAlgorithm } from "../../oci/digest.ts";

/** The hash of content on its way into a file. */
export interface ContentHash extends Disposable {
  /** Goes on with `chunks` when they are `written`. Rejects, and is as before, if that does. One call at a time. */
  add(chunks: readonly Uint8Array[], written: Promise<void>): Promise<void>;
  /** Of all that was added. */
  copy(): Promise<Hash>;
  /** Of all that was added, in hex; nothing is added after it. */
  hex(): Promise<string>;
}

/** On the calling thread, while the disk writes. */
export class HashedHere implements ContentHash {
  #hash: Hash;

  constructor(algorithm: DigestAlgorithm) {
    this.#hash = createHash(algorithm);
  }

  async add(chunks: readonly Uint8Array[], written: Promise<void>): Promise<void> {
    const hash = this.#hash.copy();
    for (const chunk of chunks) hash.update(chunk);
    await written;
    this.#hash = hash;
  }

  copy(): Promise<Hash> {
    return Promise.resolve(this.#hash.copy());
  }

  hex(): Promise<string> {
    return Promise.resolve(this.#hash.digest("hex"));
  }

  [Symbol.dispose](): void {}
}
