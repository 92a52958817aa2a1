/**
 * Which files are open, by inode. A file that was removed while somebody reads it takes its space until the last reader
 * closes it; nothing but us knows of that space.
 */
export class OpenContents {
  readonly #open = new Map<bigint, { count: number; removedBytes: number }>();
  #removedBytes = 0;

  /** The space of removed files that are still open. */
  get removedBytes(): number {
    return this.#removedBytes;
  }

  /** The file is open until disposed. */
  enter(inode: bigint): Disposable {
    const entry = this.#open.get(inode) ?? { count: 0, removedBytes: 0 };
    entry.count++;
    this.#open.set(inode, entry);
    let left = false;
    return {
      [Symbol.dispose]: () => {
        if (!left) this.#leave(inode, entry);
        left = true;
      },
    };
  }

  /** The file has no name any more. */
  remove(inode: bigint, allocatedBytes: number): void {
    const entry = this.#open.get(inode);
    if (!entry) return;
    this.#removedBytes += allocatedBytes - entry.removedBytes;
    entry.removedBytes = allocatedBytes;
  }

  #leave(inode: bigint, entry: { count: number; readonly removedBytes: number }): void {
    entry.count--;
    if (entry.count > 0) return;
    this.#open.delete(inode);
    this.#removedBytes -= entry.removedBytes;
  }
}
