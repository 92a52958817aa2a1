import type { Hash } from "node:crypto";
import type { Digest } from "../oci/digest.ts";

/**
 * Where blobs are kept, by digest. Until an ingest is committed its content is not visible through
 * `open`; once it is committed it is visible whole. Every implementation passes
 * `test/support/blob-store-suite.ts`.
 */
export interface BlobStore {
  /**
   * Opens stored content. Resolves to null only if there is none; whatever else goes wrong rejects
   * with its cause. What was opened stays readable after the blob was removed.
   */
  open(digest: Digest): Promise<StoredBlob | null>;
  /** Begins to take in content that must turn out to be `digest`. `sizeBytes` is what is expected, if anything is. */
  ingest(digest: Digest, sizeBytes?: number | null): Promise<Ingest>;
  /** Takes the content away from `open`. Removing what is not there is not an error. */
  remove(digest: Digest): Promise<void>;
  /** As `remove`, for content that is damaged: some of it is kept for a while, for people to look at. */
  quarantine(digest: Digest): Promise<void>;
  /** Tries again to remove what is content no more and has not gone. Never rejects: what does not go is in the result. */
  sweep(): Promise<Sweep>;
}

/** What became of files that are content no more. */
export interface Sweep {
  readonly removed: number;
  readonly failures: readonly SweepFailure[];
}

export interface SweepFailure {
  readonly path: string;
  readonly error: unknown;
}

/** Bytes that can be read at any position, by many readers at once. */
export interface ReadableBytes {
  /**
   * Reads into `target` from `positionBytes`, as many bytes as there are and fit; resolves to their
   * number, 0 at or behind the end.
   */
  read(target: Uint8Array, positionBytes: number): Promise<number>;
}

export interface StoredBlob extends ReadableBytes, AsyncDisposable {
  readonly sizeBytes: number;
  /**
   * Changes whenever somebody else touched the content: equal to what `commit` returned as long as
   * nobody did. Opaque.
   */
  readonly identity: string;
}

/**
 * Content that is arriving. One writer appends, any number of readers read what was appended. Disposing
 * releases it and, unless it was committed, throws the bytes away.
 */
export interface Ingest extends ReadableBytes, AsyncDisposable {
  /** Bytes appended, and so readable, until now. */
  readonly writtenBytes: number;
  /**
   * Hashes and writes `chunks` at the end. One call at a time. After a rejection the ingest is lost: what was
   * appended before stays readable, nothing can be added or committed.
   */
  append(chunks: readonly Uint8Array[]): Promise<void>;
  /** A copy of the hash of the `writtenBytes`, for whoever goes on hashing where this ends. May read all of them again. */
  hashCopy(): Promise<Hash>;
  /** Ends the content. Rejects with DigestMismatch unless its hash is the digest. Nothing is appended after it. */
  verify(): Promise<void>;
  /**
   * Makes verified content durable, then visible to `open`; resolves to its `identity`. The only way in.
   * Rejects, and leaves nothing visible, if `verify` has not succeeded or the store fails.
   */
  commit(): Promise<string>;
}

/** What arrived is not what was asked for. */
export class DigestMismatch extends Error {
  readonly expected: Digest;
  readonly actual: Digest;

  constructor(expected: Digest, actual: Digest) {
    super(`content of ${expected} has the digest ${actual}`);
    this.name = "DigestMismatch";
    this.expected = expected;
    this.actual = actual;
  }
}
