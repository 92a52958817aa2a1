import { statfs } from "node:fs/promises";
import { type Size, sizeInBytes } from "../config/units.ts";
import type { Catalog } from "./catalog.ts";

/** Room on the disk, held from before the first byte until disposed. */
export interface Room extends Disposable {
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
    let heldBytes = 0;
    const grow = async (toBytes: number): Promise<boolean> => {
      const moreBytes = toBytes - heldBytes;
      this.#reservedBytes += moreBytes;
      heldBytes = toBytes;
      if (await this.#fits()) return true;
      this.#reservedBytes -= moreBytes;
      heldBytes -= moreBytes;
      return false;
    };
    if (!(await grow(sizeBytes))) return null;
    const free = (): void => {
      this.#reservedBytes -= heldBytes;
      heldBytes = 0;
    };
    return { grow, [Symbol.dispose]: free };
  }

  /** The bound in bytes; a share is of the whole file system. */
  async limitBytes(): Promise<number> {
    const { blocks, bsize } = await statfs(this.#options.directory);
    return sizeInBytes(this.#options.maxSize, blocks * bsize);
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
