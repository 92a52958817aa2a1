import { LRUCache } from "lru-cache";
import type { Digest } from "../oci/digest.ts";
import {
  type Manifest,
  manifestLimitBytes,
  referencedDigests,
  subjectOf,
} from "../oci/manifest.ts";
import type { StoredBlob } from "../storage/blob-store.ts";
import type { BlobRecord, Location } from "../storage/catalog.ts";
import { isSystemError } from "../storage/storage-error.ts";
import type { BlobReader } from "./blob-reader.ts";
import { Rehashes } from "./rehashes.ts";
import { BlobInMemory, isOf, SmallBlobs } from "./small-blobs.ts";
import { orNull, recordOrRemove, type StorageTools } from "./storage-tools.ts";

// Manifests are a few KiB and asked for far more often than anything else.
const manifestsInMemoryBytes = 64 * 1024 * 1024;

/**
 * What is stored, as it may be served: a hit is an open file that is what the catalog says it is, or small and was read
 * from one before. What is lost or was changed by somebody is forgotten, so that it becomes a miss and heals.
 */
export class StoredContent {
  readonly #tools: StorageTools;
  readonly #manifests = new LRUCache<Digest, Manifest>({
    maxSize: manifestsInMemoryBytes,
    sizeCalculation: ({ bytes }) => bytes.length + 1,
  });
  readonly #small = new SmallBlobs();
  readonly #rehashes: Rehashes;

  constructor(tools: StorageTools) {
    this.#tools = tools;
    this.#rehashes = new Rehashes(tools.catalog);
  }

  /** The blob, from memory or as its open file; null if it is not stored (any more), or the disk does not give it. */
  async openBlob(digest: Digest): Promise<BlobReader | null> {
    const known = this.blobInMemory(digest);
    if (known) return new BlobInMemory(known);
    const file = await this.#openFile(digest);
    if (!file || !this.#small.takes(file)) return file;
    await using blob = file;
    const bytes = await orNull(this.#tools.log, () => this.#intoMemory(digest, blob));
    return bytes && new BlobInMemory(bytes);
  }

  /** All of the blob, if it is in memory. */
  blobInMemory(digest: Digest): Buffer | undefined {
    return this.#small.get(digest);
  }

  /** The manifest, or null if the digest is not stored as a manifest, or the disk does not give it. */
  async manifest(digest: Digest): Promise<Manifest | null> {
    const known = this.inMemory(digest);
    if (known) return known;
    return await orNull(this.#tools.log, async () => {
      const mediaType = await this.#tools.catalog.manifestMediaType(digest);
      if (mediaType === null) return null;
      await using blob = await this.#openFile(digest);
      if (!blob) return null;
      const manifest = { digest, mediaType, bytes: await readWhole(blob) };
      // It may have been evicted meanwhile.
      if (await this.#tools.catalog.blob(digest)) this.#manifests.set(digest, manifest);
      return manifest;
    });
  }

  /** The manifest, if it is in memory. */
  inMemory(digest: Digest): Manifest | undefined {
    return this.#manifests.get(digest);
  }

  /**
   * Content of up to `limitBytes`, for whoever only looks; null if it is not here, larger, or not what the catalog says it
   * is. Nothing is hashed, healed or forgotten by that.
   */
  async peek(digest: Digest, limitBytes: number): Promise<Buffer | null> {
    const known = this.#manifests.peek(digest);
    if (known) return known.bytes;
    const { store, catalog, log } = this.#tools;
    const record = await catalog.blob(digest);
    if (!record || record.sizeBytes > limitBytes) return null;
    return await orNull(log, async () => {
      await using blob = await store.open(digest);
      return blob?.identity === record.identity ? await readWhole(blob) : null;
    });
  }

  /** The manifest, for whoever only looks. */
  async peekManifest(digest: Digest): Promise<Manifest | null> {
    const mediaType = await this.#tools.catalog.manifestMediaType(digest);
    const bytes = mediaType && (await this.peek(digest, manifestLimitBytes));
    return bytes && mediaType ? { digest, mediaType, bytes } : null;
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

  /** It was evicted: nothing may be served from memory that the next start would not have. */
  dropFromMemory(digest: Digest): void {
    this.#manifests.delete(digest);
    this.#small.delete(digest);
  }

  async #openFile(digest: Digest): Promise<StoredBlob | null> {
    const blob = await orNull(this.#tools.log, () => this.#openChecked(digest));
    return blob && new ReportingBlob(blob, () => this.#drop(recordOf(digest, blob), unreadable));
  }

  /** All of it, of which the next reader need not open the file; null if it is not what its digest says. */
  async #intoMemory(digest: Digest, blob: StoredBlob): Promise<Buffer | null> {
    const bytes = await readWhole(blob);
    if (!isOf(digest, bytes)) return await this.#drop(recordOf(digest, blob), wrong);
    // It may have been evicted meanwhile.
    if (await this.#tools.catalog.blob(digest)) this.#small.set(digest, bytes);
    return bytes;
  }

  async #openChecked(digest: Digest): Promise<StoredBlob | null> {
    const { store, catalog } = this.#tools;
    const record = await catalog.blob(digest);
    if (!record) return null;
    const blob = await store.open(digest);
    if (!blob) return await this.#drop(record, "stored content is gone");
    if (blob.identity === record.identity) return blob;
    await using stack = new AsyncDisposableStack();
    stack.use(blob);
    if (await this.#rehashes.isIntact(digest, blob)) {
      stack.move();
      return blob;
    }
    return await this.#drop(record, "stored content was changed by something else");
  }

  async #ingestManifest(
    location: Location,
    { digest, mediaType, bytes }: Manifest,
  ): Promise<boolean> {
    const { store, catalog, rooms, locks, now } = this.#tools;
    using room = await rooms.reserve(bytes.length);
    if (!room) return false;
    using _lock = await locks.hold(digest);
    await using ingest = await store.ingest(digest);
    await ingest.append([bytes]);
    await ingest.verify();
    const blob = { digest, sizeBytes: bytes.length, identity: await ingest.commit() };
    const record = {
      blob,
      mediaType,
      references: referencedDigests(bytes),
      subject: subjectOf(bytes),
    };
    await recordOrRemove(this.#tools, digest, () =>
      catalog.recordManifest(location, record, now()),
    );
    return true;
  }

  /** What was evicted or stored anew since `record` was read is not touched: it is not what was found to be wrong. */
  async #drop(record: BlobRecord, message: string): Promise<null> {
    const { store, catalog, locks, log } = this.#tools;
    const { digest, identity } = record;
    return await orNull(log, async () => {
      using _lock = await locks.hold(digest);
      if ((await catalog.blob(digest))?.identity !== identity) return null;
      log.error({ digest }, message);
      await store.remove(digest);
      await catalog.forgetLost(record);
      return null;
    });
  }
}

const unreadable = "stored content cannot be read";
const wrong = "stored content is not what its digest says";

function recordOf(digest: Digest, { sizeBytes, identity }: StoredBlob): BlobRecord {
  return { digest, sizeBytes, identity };
}

/** A stored blob that says so when it cannot be read: the reader is cut, and the next one gets it from upstream. */
class ReportingBlob implements StoredBlob {
  readonly sizeBytes: number;
  readonly identity: string;
  readonly #blob: StoredBlob;
  readonly #report: () => Promise<unknown>;

  constructor(blob: StoredBlob, report: () => Promise<unknown>) {
    this.sizeBytes = blob.sizeBytes;
    this.identity = blob.identity;
    this.#blob = blob;
    this.#report = report;
  }

  async read(target: Uint8Array, positionBytes: number): Promise<number> {
    try {
      return await this.#blob.read(target, positionBytes);
    } catch (error) {
      // Anything else is a mistake of ours, and says nothing of the content.
      if (isSystemError(error)) await this.#report();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#blob[Symbol.asyncDispose]();
  }
}

async function readWhole(blob: StoredBlob): Promise<Buffer> {
  // It is kept: a part of a buffer that others have parts of would keep all of it.
  const bytes = Buffer.allocUnsafeSlow(blob.sizeBytes);
  let atBytes = 0;
  while (atBytes < bytes.length) {
    const readBytes = await blob.read(bytes.subarray(atBytes), atBytes);
    if (readBytes === 0) throw new Error("stored content ends before its size");
    atBytes += readBytes;
  }
  return bytes;
}
