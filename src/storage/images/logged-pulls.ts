import type { Digest } from "../../oci/digest.ts";
import type { StoredObject } from "../eviction/eviction.ts";

/** An image that was pulled, as the log is told of it. */
export interface PulledImage {
  readonly digest: Digest;
  /** All that it names, its manifest first; null if the log knows the image. */
  readonly members: readonly StoredObject[] | null;
}

/** Pulls that are to be logged, in their order. Flat arrays, for each hit is one, and they go to another thread. */
export interface PullBatch {
  /** In ms since the epoch. */
  readonly atMs: Float64Array;
  /** For each pull which of the images it is of, counted from 0. */
  readonly imageOf: Uint32Array;
  readonly images: readonly PulledImage[];
}

/** How much of the log is kept. */
export interface PullLogBounds {
  readonly pulls: number;
  readonly images: number;
  /** Older pulls go. In ms since the epoch. */
  readonly sinceMs: number;
}

/**
 * The log of pulls, oldest first: for each pull when it was and the number of its image; for each image its members. Flat
 * arrays, for a log of a million pulls goes from thread to thread.
 */
export interface LoggedPulls {
  /** In ms since the epoch. */
  readonly atMs: Float64Array<ArrayBuffer>;
  /** The number of the image, counted from 0. */
  readonly images: Uint32Array<ArrayBuffer>;
  /** Of one image after the other, as `packMembers` makes them. */
  readonly members: Uint8Array<ArrayBuffer>;
  /** For each image where in `members` its own end. */
  readonly memberEnds: Uint32Array<ArrayBuffer>;
}

/** What is left of a member in the log. */
export interface LoggedMember {
  /** Of its digest: no two blobs of a cache are mistaken for each other by that. */
  readonly prefix: string;
  readonly sizeBytes: number;
}

// Of a million blobs, two agree in these with a probability of 1 in 37 million.
const prefixBytes = 8;
const sizeFieldBytes = 6;
const memberBytes = prefixBytes + sizeFieldBytes;
const largestSize = 2 ** (8 * sizeFieldBytes) - 1;

/** The members of an image in as few bytes as will do. */
export function packMembers(members: readonly StoredObject[]): Buffer {
  const packed = Buffer.alloc(members.length * memberBytes);
  for (const [at, { digest, sizeBytes }] of members.entries()) {
    const start = at * memberBytes;
    packed.write(prefixOf(digest), start, "hex");
    packed.writeUIntBE(Math.min(sizeBytes, largestSize), start + prefixBytes, sizeFieldBytes);
  }
  return packed;
}

export function unpackMembers(packed: Uint8Array): LoggedMember[] {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  const members: LoggedMember[] = [];
  for (let start = 0; start + memberBytes <= bytes.length; start += memberBytes) {
    members.push({
      prefix: bytes.toString("hex", start, start + prefixBytes),
      sizeBytes: bytes.readUIntBE(start + prefixBytes, sizeFieldBytes),
    });
  }
  return members;
}

/** What the log keeps of a digest, as hex. */
export function prefixOf(digest: Digest): string {
  const hexAt = digest.indexOf(":") + 1;
  return digest.slice(hexAt, hexAt + 2 * prefixBytes);
}
