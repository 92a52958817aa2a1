import { statfs } from "node:fs/promises";
import { type Size, sizeInBytes } from "../config/units.ts";
import type { Catalog } from "./catalog.ts";
import { allocatedBytes } from "./eviction/eviction.ts";
import type { Overhead } from "./overhead.ts";

/** Room on the disk, held from before the first byte until disposed. */
export interface Room extends Disposable {
  readonly sizeBytes: number;
  /** Enlarges it to `sizeBytes`; resolves to false, and changes nothing, if there is no room. */
  grow(sizeBytes: number): Promise<boolean>;
}

export interface DiskBudgetOptions {
  readonly catalog: Catalog;
  readonly overhead: Pick<Overhead, "bytes" | "prepare">;
  /** The storage directory; its file system's size and free space count. */
  readonly directory: string;
  readonly maxSize: Size;
  readonly minFree: Size;
}

/** What is taken and what may be, in bytes on the disk. */
export interface DiskUsage {
  /** Content, what is arriving or leaving, and the overhead. */
  readonly usedBytes: number;
  /** `storage.maxSize`; a share is of the whole file system. */
  readonly limitBytes: number;
  /** Of what is used, what is still arriving. */
  readonly reservedBytes: number;
  /** Of what is used, what is no content: the catalog, directories, removed files that are still read. */
  readonly overheadBytes: number;
  /** How much more than `storage.minFree` is free on the file system; below 0 if less is. */
  readonly spareBytes: number;
  /** Whether the file system has hardly any inodes left, so that its free bytes are of no use. */
  readonly lacksInodes: boolean;
}

// So many blobs may be on their way, each with a file and a directory, while those who come next wait for others to go.
const keptInodes = 64;

/**
 * Keeps everything under the storage directory within `storage.maxSize` and the file system's free space above
 * `storage.minFree`: bytes that are still arriving count from before the first one.
 */
export class DiskBudget {
  readonly #options: DiskBudgetOptions;
  #reservedBytes = 0;
  #leavingBytes = 0;
  /** When the last reservation is judged. */
  #judged: Promise<unknown> = Promise.resolve();

  constructor(options: DiskBudgetOptions) {
    this.#options = options;
  }

  /** Has what is taken measured, for a `reserve` that follows in a moment. */
  prepare(): void {
    this.#options.overhead.prepare();
  }

  /** Room for `sizeBytes`, or null if there is none now. */
  async reserve(sizeBytes: number): Promise<Room | null> {
    const room = new ReservedRoom((bytes) => this.#add(bytes));
    return (await room.grow(sizeBytes)) ? room : null;
  }

  /** Counts what has no row any more until its files are gone. */
  leaving(bytes: number): Disposable {
    this.#leavingBytes += bytes;
    return {
      [Symbol.dispose]: () => {
        this.#leavingBytes -= bytes;
      },
    };
  }

  async usage(): Promise<DiskUsage> {
    const { catalog, overhead, directory, maxSize, minFree } = this.#options;
    const { blocks, bavail, bsize, files, ffree } = await statfs(directory);
    // What goes from one of these to another does so in a later turn: it is never missing in all of them.
    const overheadBytes = await overhead.bytes();
    const stored = await catalog.usage();
    const diskBytes = blocks * bsize;
    const reservedBytes = this.#reservedBytes;
    // What is reserved counts against the free space whole, though part of it may be written already: a fill is small
    // beside a disk, and the error is on the safe side.
    const freeBytes = bavail * bsize - reservedBytes;
    return {
      usedBytes: stored.allocatedBytes + overheadBytes + reservedBytes + this.#leavingBytes,
      limitBytes: sizeInBytes(maxSize, diskBytes),
      reservedBytes,
      overheadBytes,
      spareBytes: freeBytes - sizeInBytes(minFree, diskBytes),
      // Some file systems have as many as they need, and say that they have none.
      lacksInodes: files > 0 && ffree < keptInodes,
    };
  }

  /**
   * Reserves more, or gives back what is negative; resolves to false, and changes nothing, without room. One is judged
   * after the other: of several that would not fit together each would otherwise stand in the way of all.
   */
  async #add(bytes: number): Promise<boolean> {
    if (bytes <= 0) {
      this.#reservedBytes += bytes;
      return true;
    }
    const fits = this.#judged.then(() => this.#fits(bytes));
    this.#judged = fits.catch(() => {});
    return await fits;
  }

  /** Whether `bytes` more fit; if so, they are reserved. */
  async #fits(bytes: number): Promise<boolean> {
    const { usedBytes, limitBytes, spareBytes, lacksInodes } = await this.usage();
    if (usedBytes + bytes > limitBytes || spareBytes < bytes || lacksInodes) return false;
    this.#reservedBytes += bytes;
    return true;
  }
}

class ReservedRoom implements Room {
  readonly #add: (bytes: number) => Promise<boolean>;
  #sizeBytes = 0;
  #reservedBytes = 0;

  constructor(add: (bytes: number) => Promise<boolean>) {
    this.#add = add;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async grow(sizeBytes: number): Promise<boolean> {
    const reservedBytes = allocatedBytes(sizeBytes);
    const added = await this.#add(reservedBytes - this.#reservedBytes);
    if (!added) return false;
    this.#sizeBytes = sizeBytes;
    this.#reservedBytes = reservedBytes;
    return true;
  }

  [Symbol.dispose](): void {
    // Giving back takes effect at once and cannot fail.
    this.#add(-this.#reservedBytes).catch(() => {});
    this.#sizeBytes = 0;
    this.#reservedBytes = 0;
  }
}
