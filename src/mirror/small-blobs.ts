import { LRUCache } from "lru-cache";
import { algorithmOf, type Digest, digestOf } from "../oci/digest.ts";
import type { StoredBlob } from "../storage/blob-store.ts";
import type { BlobReader } from "./blob-reader.ts";

// Every pull of an image takes its config, of a few KiB, and many take layers as small. Beyond this the ways to the file and
// back cost less than the bytes do.
const largestBytes = 64 * 1024;

// The configs of some two thousand images.
const limitBytes = 16 * 1024 * 1024;

// What a buffer takes beside its bytes.
const eachBytes = 512;

/** Small blobs that were pulled of late, whole: their bytes had their digests when they were read. */
export class SmallBlobs {
  readonly #bytes = new LRUCache<Digest, Buffer>({
    maxSize: limitBytes,
    sizeCalculation: ({ length }) => length + eachBytes,
  });

  /** Whether a blob of this size may be among them. */
  takes({ sizeBytes }: StoredBlob): boolean {
    return sizeBytes <= largestBytes;
  }

  get(digest: Digest): Buffer | undefined {
    return this.#bytes.get(digest);
  }

  set(digest: Digest, bytes: Buffer): void {
    this.#bytes.set(digest, bytes);
  }

  delete(digest: Digest): void {
    this.#bytes.delete(digest);
  }
}

/** A blob of which all bytes are in memory. */
export class BlobInMemory implements BlobReader {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get sizeBytes(): number {
    return this.#bytes.length;
  }

  async read(target: Uint8Array, positionBytes: number): Promise<number> {
    return this.#bytes.copy(target, 0, Math.min(positionBytes, this.#bytes.length));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Whether the bytes are what the digest says. */
export function isOf(digest: Digest, bytes: Buffer): boolean {
  return digestOf(bytes, algorithmOf(digest)) === digest;
}
