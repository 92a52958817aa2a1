import { statfs } from "node:fs/promises";
import { type Size, sizeInBytes } from "../config/units.ts";
import type { Catalog } from "./catalog.ts";

/** Room on the disk, held from before the first byte until disposed. */
export interface Room extends Disposable {
  readonly sizeBytes: number;
  /** Enlarges it to `sizeBytes`; resolves to false, and changes nothing, if there is no room. */
  grow(sizeBytes: number): Promise<boolean>;
}

export interface DiskBudgetOptions {
  readonly catalog: Catalog;
  /** The storage directory; its file system's size and free space count. */
  readonly directory: string;
  readonly maxSize: Size;
  readonly minFree: Size;
}

/**
 * Keeps content within `storage.maxSize` and the file system's free space above `storage.minFree`: bytes that are
 * still arriving count from before the first one.
 */
export class DiskBudget {
  readonly #options: DiskBudgetOptions;
  #reservedBytes = 0;

  constructor(options: DiskBudgetOptions) {
    this.#options = options;
  }

  /** Room for `sizeBytes`, or null if there is none now. */
  async reserve(sizeBytes: number): Promise<Room | null> {
    const room = new ReservedRoom((bytes) => this.#add(bytes));
    return (await room.grow(sizeBytes)) ? room : null;
  }

  /** The bound in bytes; a share is of the whole file system. */
  async limitBytes(): Promise<number> {
    const { blocks, bsize } = await statfs(this.#options.directory);
    return sizeInBytes(this.#options.maxSize, blocks * bsize);
  }

  /** Reserves more, or gives back what is negative; resolves to false, and changes nothing, without room. */
  async #add(bytes: number): Promise<boolean> {
    this.#reservedBytes += bytes;
    if (bytes <= 0) return true;
    let fits = false;
    try {
      fits = await this.#fits();
    } finally {
      if (!fits) this.#reservedBytes -= bytes;
    }
    return fits;
  }

  // What is reserved counts against the free space whole, though part of it may be written already: a
  // fill is small beside a disk, and the error is on the safe side.
  async #fits(): Promise<boolean> {
    const { catalog, directory, maxSize, minFree } = this.#options;
    const [usage, { blocks, bavail, bsize }] = await Promise.all([
      catalog.usage(),
      statfs(directory),
    ]);
    const diskBytes = blocks * bsize;
    const roomBytes = sizeInBytes(maxSize, diskBytes) - usage.bytes;
    const freeBytes = bavail * bsize - sizeInBytes(minFree, diskBytes);
    return this.#reservedBytes <= Math.min(roomBytes, freeBytes);
  }
}

class ReservedRoom implements Room {
  readonly #add: (bytes: number) => Promise<boolean>;
  #sizeBytes = 0;

  constructor(add: (bytes: number) => Promise<boolean>) {
    this.#add = add;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async grow(sizeBytes: number): Promise<boolean> {
    const added = await this.#add(sizeBytes - this.#sizeBytes);
    if (added) this.#sizeBytes = sizeBytes;
    return added;
  }

  [Symbol.dispose](): void {
    // Giving back takes effect at once and cannot fail.
    this.#add(-this.#sizeBytes).catch(() => {});
    this.#sizeBytes = 0;
  }
}
