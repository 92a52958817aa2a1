import { childManifests, ownContent } from "../../oci/described-manifest.ts";
import type { Digest } from "../../oci/digest.ts";
import { DistributionError } from "../../oci/distribution-error.ts";
import { isImageIndex, isImageManifest, type Manifest } from "../../oci/manifest.ts";
import type { Target } from "../../upstream/upstreams.ts";
import type { FillTable } from "../fills/fill-table.ts";
import type { Grants } from "../rights/grants.ts";
import { orNull, type StorageTools } from "../storage-tools.ts";
import type { StoredContent } from "../stored-content.ts";

export interface CompletenessTools {
  readonly storage: StorageTools;
  readonly stored: StoredContent;
  readonly grants: Grants;
  readonly fills: FillTable;
}

// overlayfs takes 128 layers, and an index has some ten platforms, with an attestation for each. What is beyond is not
// looked at: a manifest may name 50,000.
const limits = { content: 256, children: 64 };

// Who comes again sooner may find that what is missing has come.
const longestRetryAfterMs = 60_000;

/** Whether what a manifest names is here, for clients that go nowhere else for the rest once they have the manifest. */
export class Completeness {
  readonly #tools: CompletenessTools;

  constructor(tools: CompletenessTools) {
    this.#tools = tools;
  }

  /**
   * Throws DistributionError UNAVAILABLE if upstream is known to be down and something is missing: with no manifest at all,
   * a client may get the image elsewhere.
   */
  async assertPullable(target: Target, manifest: Manifest): Promise<void> {
    const { name, down } = target.upstream;
    // Who asks next finds out whether it is well again.
    if (!down || down.leftMs === 0) return;
    const missing = await this.#missing(target, manifest);
    if (missing === null) return;
    const message = `${name} is left alone, for it ${down.reason}; and ${missing}`;
    const seconds = Math.ceil(Math.min(down.leftMs, longestRetryAfterMs) / 1000);
    throw new DistributionError("UNAVAILABLE", message, {
      headers: { "retry-after": String(seconds) },
    });
  }

  /** What a client would miss, as a clause; null if it gets all that it needs without upstream being asked. */
  async #missing(target: Target, { mediaType, bytes }: Manifest): Promise<string | null> {
    if (isImageManifest(mediaType)) return await this.#missingContent(target, bytes);
    return isImageIndex(mediaType) ? await this.#missingChildren(target, bytes) : null;
  }

  /** Which platform is wanted only the client knows. */
  async #missingChildren(target: Target, bytes: Buffer): Promise<string | null> {
    const children = childManifests(bytes, limits.children);
    for (const { digest } of children) {
      const child = (await this.#isHere(target, digest))
        ? await this.#tools.stored.manifest(digest)
        : null;
      // An index in an index: some client will know why.
      if (child && !isImageManifest(child.mediaType)) return null;
      if (child && (await this.#missingContent(target, child.bytes)) === null) return null;
    }
    return children.length === 0 ? null : "no image of this index is here whole";
  }

  async #missingContent(target: Target, bytes: Buffer): Promise<string | null> {
    for (const { digest } of ownContent(bytes, limits.content)) {
      if (!(await this.#isHere(target, digest))) return `${digest} of this image is not here`;
    }
    return null;
  }

  async #isHere(target: Target, digest: Digest): Promise<boolean> {
    const { storage, grants, fills } = this.#tools;
    const fill = fills.find(target.upstream, digest)?.state.kind;
    if (fill === "streaming" || fill === "verified") return true;
    const blob = await orNull(storage.log, () => storage.catalog.blob(digest));
    return blob !== null && (await grants.mayHaveUnasked(target, digest));
  }
}
