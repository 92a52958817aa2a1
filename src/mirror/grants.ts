import type { Digest } from "../oci/digest.ts";
import type { Location } from "../storage/catalog.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import type { Target } from "../upstream/upstreams.ts";
import { orNull, type StorageTools } from "./storage-tools.ts";

/**
 * Which repository may have which stored content. Bytes are shared by all upstreams, the right to them is not: it
 * takes a grant, which upstream gives by sending the content or by answering a HEAD.
 */
export class Grants {
  readonly #tools: StorageTools;

  constructor(tools: StorageTools) {
    this.#tools = tools;
  }

  /** What cannot be known because the catalog fails must be asked of upstream. */
  async isGranted(target: Target, digest: Digest): Promise<boolean> {
    const { catalog, log } = this.#tools;
    return (await orNull(log, () => catalog.grantedAtMs(locationOf(target), digest))) !== null;
  }

  /**
   * Asks upstream by `ask` whether the repository holds the digest, and remembers that it does. While upstream
   * cannot be asked, it counts that a manifest of the repository names content of the same upstream. Otherwise
   * rejects with UpstreamError.
   */
  async prove(target: Target, digest: Digest, ask: () => Promise<boolean>): Promise<boolean> {
    try {
      const held = await ask();
      if (held) await this.record(target, digest);
      return held;
    } catch (error) {
      if (!(error instanceof UpstreamError) || error.failure.kind === "refused") throw error;
      const { catalog, log } = this.#tools;
      if (await orNull(log, () => catalog.isReferenced(locationOf(target), digest))) return true;
      throw error;
    }
  }

  /** Upstream has shown that the repository holds the digest. */
  async record(target: Target, digest: Digest): Promise<void> {
    const { catalog, log, now } = this.#tools;
    await orNull(log, () => catalog.recordGrant(locationOf(target), digest, now()));
  }

  /** Upstream says that the repository does not hold the digest (any more). */
  async revoke(target: Target, digest: Digest): Promise<void> {
    await this.#tools.catalog.forgetGrant(locationOf(target), digest);
  }
}

export function locationOf({ upstream, repository }: Target): Location {
  return { upstream: upstream.name, repository };
}
