import type { Digest } from "../oci/digest.ts";
import type { Catalog, Location } from "../storage/catalog.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import type { Target } from "../upstream/upstreams.ts";

/**
 * Which repository may have which stored content. Bytes are shared by all upstreams, the right to them is not: it
 * takes a grant, which upstream gives by sending the content or by answering a HEAD.
 */
export class Grants {
  readonly #catalog: Catalog;
  readonly #now: () => number;

  constructor(catalog: Catalog, now: () => number) {
    this.#catalog = catalog;
    this.#now = now;
  }

  async isGranted(target: Target, digest: Digest): Promise<boolean> {
    return (await this.#catalog.grantedAtMs(locationOf(target), digest)) !== null;
  }

  /**
   * Asks upstream by `ask` whether the repository holds the digest, and remembers that it does. While upstream
   * cannot be asked, it counts that a manifest of the repository names content of the same upstream. Otherwise
   * rejects with UpstreamError.
   */
  async prove(target: Target, digest: Digest, ask: () => Promise<boolean>): Promise<boolean> {
    const location = locationOf(target);
    try {
      const held = await ask();
      if (held) await this.#catalog.recordGrant(location, digest, this.#now());
      return held;
    } catch (error) {
      if (!(error instanceof UpstreamError) || error.failure.kind === "refused") throw error;
      if (await this.#catalog.isReferenced(location, digest)) return true;
      throw error;
    }
  }

  /** Upstream says that the repository does not hold the digest (any more). */
  async revoke(target: Target, digest: Digest): Promise<void> {
    await this.#catalog.forgetGrant(locationOf(target), digest);
  }
}

export function locationOf({ upstream, repository }: Target): Location {
  return { upstream: upstream.name, repository };
}
