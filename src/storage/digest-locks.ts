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

  /**
   * As `hold`, for several at once; each may be there once. They are waited for in their order, so that two who want several
   * cannot wait for each other.
   */
  async holdAll(digests: readonly Digest[]): Promise<Disposable> {
    using held = new DisposableStack();
    for (const digest of digests.toSorted()) held.use(await this.hold(digest));
    return held.move();
  }
}
