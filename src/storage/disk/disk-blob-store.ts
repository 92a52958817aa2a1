import { randomUUID } from "node:crypto";
import type { BigIntStats } from "node:fs";
import { lstat, mkdir, open, readdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { algorithmOf, type Digest } from "../../oci/digest.ts";
import { AtMost } from "../at-most.ts";
import type { BlobStore, Ingest, StoredBlob, Sweep } from "../blob-store.ts";
import { blobFile, type Layout, shardDirectory } from "../layout.ts";
import { codeOf, StorageError } from "../storage-error.ts";
import { type ContentHash, HashedHere } from "./content-hash.ts";
import { identityOf } from "./disk-identity.ts";
import { DiskIngest } from "./disk-ingest.ts";
import { FileHasher } from "./file-hasher.ts";
import { HashedBehind } from "./hashed-behind.ts";
import { Leftovers } from "./leftovers.ts";
import { OpenContents } from "./open-contents.ts";
import { OpenFile } from "./open-file.ts";
import { Quarantine } from "./quarantine.ts";

// Node has four threads for all that touches files. A disk that takes half a second for a sync, as a busy one does, would
// have each of them wait for it, and every hit behind them.
const syncsAtATime = 2;

// Each has a file open. A disk that works has done them within seconds; on one that does not, new content passes unstored.
const syncsWaiting = 256;

// Content that is expected to be as large is hashed by a thread. Below it takes the thread that answers clients 4 ms at most, of
// which no more than 1 at a time.
const hashedBehindBytes = 8 * 1024 * 1024;

/**
 * Blobs as files under their digest. `open`, `commit` and `remove` of one digest need no lock among
 * them: each takes effect in one `open` or `rename`, and the kernel orders those.
 */
export class DiskBlobStore implements BlobStore, AsyncDisposable {
  readonly #layout: Layout;
  readonly #openContents: OpenContents;
  readonly #leftovers: Leftovers;
  readonly #quarantine: Quarantine;
  readonly #syncs = new AtMost(syncsAtATime);
  readonly #hasher = new FileHasher();

  private constructor(options: {
    readonly layout: Layout;
    readonly openContents: OpenContents;
    readonly leftovers: Leftovers;
    readonly now: () => number;
  }) {
    const { layout, now } = options;
    this.#layout = layout;
    this.#openContents = options.openContents;
    this.#leftovers = options.leftovers;
    this.#quarantine = new Quarantine({ directory: layout.quarantine, now });
  }

  /**
   * Opens the store of a prepared layout; hold its DirectoryLock, for whatever is in `ingest/` now counts as
   * left behind. `now` is the wall clock, in ms since the epoch. Throws StorageError if a directory of it is a symbolic link.
   */
  static async open(layout: Layout, now: () => number = Date.now): Promise<DiskBlobStore> {
    for (const algorithm of ["sha256", "sha512"]) {
      await refuseForeignShards(join(layout.blobs, algorithm));
    }
    const openContents = new OpenContents();
    const leftovers = await Leftovers.in([layout.ingest, layout.trash], openContents);
    return new DiskBlobStore({ layout, openContents, leftovers, now });
  }

  async open(digest: Digest): Promise<StoredBlob | null> {
    const opened = await OpenFile.read(blobFile(this.#layout, digest));
    if (!opened) return null;
    const { file, status } = opened;
    await using stack = new AsyncDisposableStack();
    stack.use(file);
    stack.use(this.#openContents.enter(status.ino));
    const resources = stack.move();
    return new DiskBlob({
      file,
      resources,
      sizeBytes: Number(status.size),
      identity: identityOf(status),
    });
  }

  /** The space on the disk of content that was removed and is still being read. */
  get removedBytes(): number {
    return this.#openContents.removedBytes;
  }

  /** Where files lie that are content no more and take space still. */
  get leftovers(): readonly string[] {
    return this.#leftovers.paths;
  }

  async ingest(digest: Digest, sizeBytes: number | null = null): Promise<Ingest> {
    if (this.#syncs.waiting >= syncsWaiting) throw tooSlow(this.#layout.directory);
    const path = join(this.#layout.ingest, randomUUID());
    await using stack = new AsyncDisposableStack();
    const file = stack.use(await OpenFile.create(path));
    const { ino } = await file.status();
    const entered = this.#openContents.enter(ino);
    stack.move();
    return new DiskIngest({
      digest,
      file,
      hash: this.#hashOf(file, digest, sizeBytes ?? 0),
      entered,
      inTurn: (sync) => this.#syncs.run(sync),
      place: () => this.#place(path, digest),
      remove: () => this.#leftovers.remove(path),
    });
  }

  async remove(digest: Digest): Promise<void> {
    const discarded = join(this.#layout.trash, randomUUID());
    try {
      await rename(blobFile(this.#layout, digest), discarded);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return;
      throw error;
    }
    await this.#leftovers.remove(discarded);
  }

  async quarantine(digest: Digest): Promise<void> {
    await this.#quarantine.take(blobFile(this.#layout, digest), digest);
  }

  /** Removes what has been in quarantine for long enough. */
  async trimQuarantine(): Promise<void> {
    await this.#quarantine.trim();
  }

  sweep(): Promise<Sweep> {
    return this.#leftovers.sweep();
  }

  /** Ends what runs beside the calling thread. The store can still be used, as somebody may who is late. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hasher[Symbol.asyncDispose]();
  }

  #hashOf(file: OpenFile, digest: Digest, sizeBytes: number): ContentHash {
    const algorithm = algorithmOf(digest);
    if (sizeBytes < hashedBehindBytes) return new HashedHere(algorithm);
    return new HashedBehind(file, algorithm, this.#hasher);
  }

  async #place(path: string, digest: Digest): Promise<void> {
    const target = blobFile(this.#layout, digest);
    const replaced = await lstat(target, { bigint: true }).catch(() => null);
    try {
      await rename(path, target);
    } catch (error) {
      await this.#clearTheWay(digest, error);
      await rename(path, target);
    }
    if (replaced) this.#noteRemoved(replaced);
    // The rename cannot be undone, and whoever opens the blob now gets all of it. If this fails, a power
    // cut may take the name away again: then it is a miss.
    await this.#syncDirectory(dirname(target)).catch(() => {});
  }

  /** Whoever has the file open keeps its space. */
  #noteRemoved({ ino, blocks }: BigIntStats): void {
    this.#openContents.remove(ino, Number(blocks) * 512);
  }

  /** Makes a rename possible that failed with `error`, or throws that. */
  async #clearTheWay(digest: Digest, error: unknown): Promise<void> {
    if (codeOf(error) === "ENOENT") await this.#createShard(shardDirectory(this.#layout, digest));
    // Somebody put a directory where the blob belongs.
    else if (codeOf(error) === "EISDIR") await this.remove(digest);
    else throw error;
  }

  async #createShard(directory: string): Promise<void> {
    // Recursive only so that it is no error if another commit was quicker.
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await this.#syncDirectory(dirname(directory));
  }

  async #syncDirectory(directory: string): Promise<void> {
    await this.#syncs.run(async () => {
      await using handle = await open(directory, "r");
      await handle.sync();
    });
  }
}

function tooSlow(directory: string): StorageError {
  return new StorageError(
    `the disk of ${directory} is ${syncsWaiting} files behind. Look what else writes to it, or move the directory to a quicker one`,
  );
}

class DiskBlob implements StoredBlob {
  readonly sizeBytes: number;
  readonly identity: string;
  readonly #file: OpenFile;
  readonly #resources: AsyncDisposableStack;

  constructor(options: {
    readonly file: OpenFile;
    /** What ends with it, the file among it. */
    readonly resources: AsyncDisposableStack;
    readonly sizeBytes: number;
    readonly identity: string;
  }) {
    this.#file = options.file;
    this.#resources = options.resources;
    this.sizeBytes = options.sizeBytes;
    this.identity = options.identity;
  }

  read(target: Uint8Array, positionBytes: number): Promise<number> {
    const lengthBytes = Math.min(target.length, this.sizeBytes - positionBytes);
    if (lengthBytes <= 0) return Promise.resolve(0);
    return this.#file.read(target, positionBytes, lengthBytes);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

const shardName = /^[0-9a-f]{2}$/;

/** O_NOFOLLOW guards only the last component of a path; these are the ones before it. */
async function refuseForeignShards(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (!shardName.test(entry.name) || entry.isDirectory()) continue;
    throw new StorageError(
      `${join(directory, entry.name)} is no directory, but sluice keeps blobs in a real directory there. Move it away`,
    );
  }
}
