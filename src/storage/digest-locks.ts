import type { Digest } from "../oci/digest.ts";

/**
 * One holder a digest. Storing content (the file, then its row) and evicting it (the row, then the file) must not meet:
 * a row would be left without its file.
 */
export class DigestLocks {
  readonly #ends = new Map<Digest, Promise<void>>();

  /** Resolves when it is this caller's turn; the lock is held until disposed. */
  async hold(digest: Digest): Promise<Disposable> {
    const before = this.#ends.get(digest);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ends.set(digest, promise);
    await before;
    return {
      [Symbol.dispose]: () => {
        if (this.#ends.get(digest) === promise) this.#ends.delete(digest);
        resolve();
      },
    };
  }
}
