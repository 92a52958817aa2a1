import type { Digest } from "../oci/digest.ts";
import { DistributionError } from "../oci/distribution-error.ts";
import type { StoredBlob } from "../storage/blob-store.ts";
import type { Target } from "../upstream/upstreams.ts";
import type { BlobReader } from "./blob-reader.ts";
import { FillTable } from "./fill-table.ts";
import type { Grants } from "./grants.ts";
import type { PullOutcome } from "./pull-outcome.ts";
import type { StorageTools } from "./storage-tools.ts";
import type { StoredContent } from "./stored-content.ts";

/** A pulled blob; whoever gets it disposes `blob`. */
export interface BlobPull {
  readonly outcome: PullOutcome;
  readonly blob: BlobReader;
}

export interface BlobDescription {
  readonly outcome: PullOutcome;
  readonly sizeBytes: number | null;
}

const digestHit: PullOutcome = { kind: "hit", ttlMs: null };

/** Pulls of blobs: hit, join, fill. */
export class Blobs {
  readonly fills: FillTable;
  readonly #stored: StoredContent;
  readonly #grants: Grants;

  constructor(tools: StorageTools, stored: StoredContent, grants: Grants) {
    this.fills = new FillTable(tools);
    this.#stored = stored;
    this.#grants = grants;
  }

  async pull(target: Target, digest: Digest, signal: AbortSignal): Promise<BlobPull> {
    const stored = await this.#openStored(target, digest);
    if (stored) return { outcome: digestHit, blob: stored };
    const { upstream, repository } = target;
    const { fill, collapsed } = this.fills.join(upstream, repository, digest);
    const blob = await this.fills.open(fill, repository, signal);
    if (blob === "unknown") {
      await this.#grants.revoke(target, digest);
      throw blobUnknown(digest);
    }
    if (collapsed) return { outcome: { kind: "collapsed" }, blob };
    return { outcome: { kind: "miss", stored: fill.state.kind !== "unstored" }, blob };
  }

  /** What HEAD tells, without a download: of a fill that runs, the size upstream declared. */
  async describe(target: Target, digest: Digest): Promise<BlobDescription> {
    await using stored = await this.#openStored(target, digest);
    if (stored) return { outcome: digestHit, sizeBytes: stored.sizeBytes };
    const fill = this.fills.find(target.upstream, digest);
    if (fill && "sizeBytes" in fill.state) {
      return { outcome: { kind: "collapsed" }, sizeBytes: fill.state.sizeBytes };
    }
    const { sizeBytes } = await this.#head(target, digest);
    return { outcome: { kind: "miss", stored: false }, sizeBytes };
  }

  /**
   * The stored blob, if this repository may have it; null if it must be filled. Before a repository joins the fill of
   * another, it proves as for stored content that it holds the blob.
   */
  async #openStored(target: Target, digest: Digest): Promise<StoredBlob | null> {
    if (await this.#grants.isGranted(target, digest)) return await this.#stored.openBlob(digest);
    const stored = await this.#stored.openBlob(digest);
    const fill = this.fills.find(target.upstream, digest);
    if (!stored && (!fill || fill.hasSource(target.repository))) return null;
    try {
      await this.#grants.prove(
        target,
        digest,
        async () => (await this.#head(target, digest)) !== null,
      );
      return stored;
    } catch (error) {
      await stored?.[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #head(target: Target, digest: Digest): Promise<{ readonly sizeBytes: number | null }> {
    const found = await target.upstream.headBlob(target.repository, digest);
    if (!found) throw blobUnknown(digest);
    return found;
  }
}

function blobUnknown(digest: Digest): DistributionError {
  return new DistributionError("BLOB_UNKNOWN", "upstream has no such blob in this repository", {
    detail: { digest },
  });
}
