import type { Digest } from "../oci/digest.ts";
import { DistributionError } from "../oci/distribution-error.ts";
import type { Reference } from "../oci/reference.ts";
import type { Page } from "../oci/route.ts";
import type { TagList } from "../upstream/tag-list.ts";
import type { Target } from "../upstream/upstreams.ts";
import { type BlobDescription, type BlobPull, Blobs } from "./blobs.ts";
import type { FreshnessPolicy } from "./freshness.ts";
import { Grants } from "./grants.ts";
import { type ManifestPull, Manifests } from "./manifests.ts";
import type { StorageTools } from "./storage-tools.ts";
import { StoredContent } from "./stored-content.ts";

/**
 * The policy: what is answered from the store, what is asked of upstream. All pulls reject with DistributionError
 * (`…_UNKNOWN`) when upstream says there is none, with UpstreamError when it gave no answer and nothing stored may
 * stand in for it.
 */
export class Mirror {
  readonly #blobs: Blobs;
  readonly #manifests: Manifests;

  constructor(tools: StorageTools, policy: FreshnessPolicy) {
    const stored = new StoredContent(tools);
    const grants = new Grants(tools);
    this.#blobs = new Blobs(tools, stored, grants);
    this.#manifests = new Manifests(tools, stored, grants, policy);
  }

  /** Takes effect with the next pull. */
  set policy(policy: FreshnessPolicy) {
    this.#manifests.policy = policy;
  }

  /**
   * The blob, from disk or from upstream. Aborting `signal`, or disposing the blob, stops this reader only: a fill
   * goes on for the next one.
   */
  pullBlob(target: Target, digest: Digest, signal: AbortSignal): Promise<BlobPull> {
    return this.#blobs.pull(target, digest, signal);
  }

  /** What HEAD tells of a blob, without a download. */
  describeBlob(target: Target, digest: Digest): Promise<BlobDescription> {
    return this.#blobs.describe(target, digest);
  }

  pullManifest(target: Target, reference: Reference): Promise<ManifestPull> {
    return this.#manifests.pull(target, reference);
  }

  async listTags(target: Target, page: Page): Promise<TagList> {
    const list = await target.upstream.listTags(target.repository, page);
    if (list) return list;
    throw new DistributionError(
      "NAME_UNKNOWN",
      `${target.upstream.name} has no repository ${target.repository}`,
    );
  }

  /** Resolves when no fill runs. */
  idle(): Promise<void> {
    return this.#blobs.fills.idle();
  }

  /** Ends every fill; resolves when they have let go of the store. */
  async stop(): Promise<void> {
    this.#blobs.fills.abort(new Error("the mirror stops"));
    await this.idle();
  }
}
