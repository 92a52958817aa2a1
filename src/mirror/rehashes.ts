import type { Digest } from "../oci/digest.ts";
import { AtMost } from "../storage/at-most.ts";
import type { StoredBlob } from "../storage/blob-store.ts";
import type { Catalog } from "../storage/catalog.ts";
import { rehash, stepBytes } from "../storage/verification/rehash.ts";
import { SingleFlight } from "../upstream/single-flight.ts";

// One is read from the disk while another is hashed. More would be no quicker, and take their turns from the pulls.
const largeAtOnce = 2;

// What is read in one step, as every manifest is, waits for no gigabytes. They take 16 MiB of buffers at most.
const smallAtOnce = 16;

/**
 * Content that somebody touched, or that was adopted, is hashed before it is served: once for all who want it meanwhile, and
 * not all of it at the same time, as when every node asks for what was there before the catalog was lost.
 */
export class Rehashes {
  readonly #catalog: Pick<Catalog, "blob" | "recordIdentity">;
  readonly #flights = new SingleFlight<boolean>();
  readonly #large = new AtMost(largeAtOnce);
  readonly #small = new AtMost(smallAtOnce);

  constructor(catalog: Pick<Catalog, "blob" | "recordIdentity">) {
    this.#catalog = catalog;
  }

  /**
   * Whether `blob` still is its digest; if so, its row says so from now on. It must stay open meanwhile. Rejects if the
   * store or the catalog fails.
   */
  async isIntact(digest: Digest, blob: StoredBlob): Promise<boolean> {
    const atOnce = blob.sizeBytes <= stepBytes ? this.#small : this.#large;
    const work = (): Promise<boolean> => atOnce.run(() => this.#rehash(digest, blob));
    return await this.#flights.run(`${digest} ${blob.identity}`, work).result;
  }

  async #rehash(digest: Digest, blob: StoredBlob): Promise<boolean> {
    const { identity } = blob;
    // It may have been hashed since its row was read.
    if ((await this.#catalog.blob(digest))?.identity === identity) return true;
    const isIntact = (await rehash(blob, digest)) === true;
    if (isIntact) await this.#catalog.recordIdentity(digest, identity);
    return isIntact;
  }
}
