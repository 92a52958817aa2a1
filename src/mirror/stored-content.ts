import { LRUCache } from "lru-cache";
import type { Digest } from "../oci/digest.ts";
import { type Manifest, referencedDigests } from "../oci/manifest.ts";
import type { StoredBlob } from "../storage/blob-store.ts";
import type { Location } from "../storage/catalog.ts";
import { rehash } from "../storage/rehash.ts";
import type { StorageTools } from "./storage-tools.ts";

// Manifests are a few KiB and asked for far more often than anything else.
const manifestsInMemoryBytes = 64 * 1024 * 1024;

/**
 * What is stored, as it may be served: a hit is an open file that is what the catalog says it is. What is lost or
 * was changed by somebody is forgotten, so that it becomes a miss and heals.
 */
export class StoredContent {
  readonly #tools: StorageTools;
  readonly #manifests = new LRUCache<Digest, Manifest>({
    maxSize: manifestsInMemoryBytes,
    sizeCalculation: ({ bytes }) => bytes.length + 1,
  });

  constructor(tools: StorageTools) {
    this.#tools = tools;
  }

  /** The blob's open file, or null if it is not stored (any more). */
  async openBlob(digest: Digest): Promise<StoredBlob | null> {
    const { store, catalog } = this.#tools;
    const record = await catalog.blob(digest);
    if (!record) return null;
    const blob = await store.open(digest);
    if (!blob) return await this.#forget(digest, "stored content is gone");
    if (blob.identity === record.identity) return blob;
    if (await rehash(blob, digest)) {
      await catalog.recordIdentity(digest, blob.identity);
      return blob;
    }
    await blob[Symbol.asyncDispose]();
    await store.remove(digest);
    return await this.#forget(digest, "stored content was changed by something else");
  }

  /** The manifest, or null if the digest is not stored as a manifest. */
  async manifest(digest: Digest): Promise<Manifest | null> {
    const known = this.#manifests.get(digest);
    if (known) return known;
    const mediaType = await this.#tools.catalog.manifestMediaType(digest);
    if (mediaType === null) return null;
    await using blob = await this.openBlob(digest);
    if (!blob) return null;
    const manifest = { digest, mediaType, bytes: await readWhole(blob) };
    this.#manifests.set(digest, manifest);
    return manifest;
  }

  /** Stores a manifest whose digest is right. Resolves to false if the store has no room or fails. */
  async storeManifest(location: Location, manifest: Manifest): Promise<boolean> {
    const { metrics, log } = this.#tools;
    try {
      if (await this.#ingestManifest(location, manifest)) {
        this.#manifests.set(manifest.digest, manifest);
        return true;
      }
    } catch (err) {
      log.error({ err, ...location, digest: manifest.digest }, "manifest could not be stored");
    }
    metrics.unstoredFills.inc({ upstream: location.upstream });
    return false;
  }

  async #ingestManifest(
    location: Location,
    { digest, mediaType, bytes }: Manifest,
  ): Promise<boolean> {
    const { store, catalog, budget, now } = this.#tools;
    using room = await budget.reserve(bytes.length);
    if (!room) return false;
    await using ingest = await store.ingest(digest);
    await ingest.append([bytes]);
    ingest.verify();
    const blob = { digest, sizeBytes: bytes.length, identity: await ingest.commit() };
    await catalog.recordManifest(
      location,
      { blob, mediaType, references: referencedDigests(bytes) },
      now(),
    );
    return true;
  }

  async #forget(digest: Digest, message: string): Promise<null> {
    this.#tools.log.error({ digest }, message);
    await this.#tools.catalog.forgetBlob(digest);
    return null;
  }
}

async function readWhole(blob: StoredBlob): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(blob.sizeBytes);
  let atBytes = 0;
  while (atBytes < bytes.length) {
    const readBytes = await blob.read(bytes.subarray(atBytes), atBytes);
    if (readBytes === 0) throw new Error("stored content ends before its size");
    atBytes += readBytes;
  }
  return bytes;
}
