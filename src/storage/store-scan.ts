import type { Dirent } from "node:fs";
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Digest } from "../oci/digest.ts";
import { adoptedIdentity, type BlobRecord, type Catalog } from "./catalog.ts";
import type { DigestLocks } from "./digest-locks.ts";
import { blobFile, type Layout } from "./layout.ts";
import { digestIn, isIn, type Shard, shardsOf } from "./shard.ts";
import { codeOf } from "./storage-error.ts";

/** What a scan of the store has found and done. */
export interface ScanCounts {
  /** Files under a digest. */
  files: number;
  /** Those of them that the catalog did not know. */
  adopted: number;
  /** Rows without a file. */
  forgotten: number;
  /** What is none of ours, or cannot be looked at: left alone. */
  foreign: number;
  /** The paths of the first of those. */
  readonly firstForeign: string[];
}

// What a person may want to read; the count says how many more there are.
const namedForeign = 5;

// So many names, or rows of 150 bytes, are in memory beside the rows of one shard, and so many writes on their way at
// a time: the queue of the writer takes a hundred times that.
const batchSize = 200;

/**
 * Makes the catalog agree with the files, shard by shard, while pulls go on: files that it does not know are adopted,
 * without a grant to anybody; rows without their file are forgotten. What is recorded meanwhile stays as it is.
 */
export class StoreScan {
  readonly #layout: Layout;
  readonly #catalog: Catalog;
  readonly #locks: DigestLocks;
  readonly #counts: ScanCounts = {
    files: 0,
    adopted: 0,
    forgotten: 0,
    foreign: 0,
    firstForeign: [],
  };
  /** Rows that were read ahead, of the shards to come. */
  #rows: readonly BlobRecord[] = [];
  #lastRead: Digest | null = null;

  constructor(layout: Layout, catalog: Catalog, locks: DigestLocks) {
    this.#layout = layout;
    this.#catalog = catalog;
    this.#locks = locks;
  }

  /** Rejects if the catalog fails, and when `signal` is aborted. Once for each scan. */
  async run(signal: AbortSignal): Promise<ScanCounts> {
    const { blobs } = this.#layout;
    await this.#noteForeign(blobs, /^sha(?:256|512)$/);
    for (const name of ["sha256", "sha512"])
      await this.#noteForeign(join(blobs, name), /^[0-9a-f]{2}$/);
    for (const shard of shardsOf(this.#layout)) await this.#scan(shard, signal);
    return this.#counts;
  }

  async #noteForeign(directory: string, own: RegExp): Promise<void> {
    for await (const batch of batchesIn(directory)) {
      for (const { name } of batch) if (!own.test(name)) this.#leaveAlone(join(directory, name));
    }
  }

  async #scan(shard: Shard, signal: AbortSignal): Promise<void> {
    const rows = await this.#rowsOf(shard);
    try {
      for await (const batch of batchesIn(shard.directory)) {
        signal.throwIfAborted();
        await this.#compare(shard, batch, rows);
      }
      await this.#forgetLost(rows.values(), signal);
    } catch (error) {
      // What cannot be looked at may be there.
      if (!isSystemError(error)) throw error;
      this.#leaveAlone(shard.directory);
    }
    signal.throwIfAborted();
  }

  /** The rows of a shard; shards must be asked for in their order. */
  async #rowsOf(shard: Shard): Promise<Map<Digest, BlobRecord>> {
    const rows = new Map<Digest, BlobRecord>();
    for (;;) {
      const end = this.#rows.findIndex(({ digest }) => !isIn(shard, digest));
      for (const row of this.#rows.slice(0, end < 0 ? undefined : end)) rows.set(row.digest, row);
      this.#rows = end < 0 ? [] : this.#rows.slice(end);
      if (end >= 0 || !(await this.#readAhead())) return rows;
    }
  }

  async #readAhead(): Promise<boolean> {
    // Between two reads it is the turn of the pulls.
    await nextTurn();
    this.#rows = await this.#catalog.blobs(this.#lastRead, batchSize);
    this.#lastRead = this.#rows.at(-1)?.digest ?? this.#lastRead;
    return this.#rows.length > 0;
  }

  /** Takes out of `rows` what has a file. */
  async #compare(
    shard: Shard,
    batch: readonly Dirent[],
    rows: Map<Digest, BlobRecord>,
  ): Promise<void> {
    const unknown: Digest[] = [];
    for (const entry of batch) {
      const digest = entry.isFile() ? digestIn(shard, entry.name) : null;
      if (!digest) this.#leaveAlone(join(shard.directory, entry.name));
      else if (!rows.delete(digest)) unknown.push(digest);
      if (digest) this.#counts.files += 1;
    }
    await Promise.all(unknown.map((digest) => this.#adopt(digest)));
  }

  async #adopt(digest: Digest): Promise<void> {
    // What is being evicted has no row any more, and its file goes under this lock.
    using _lock = await this.#locks.hold(digest);
    // It may have come just now, with a row of its own, or be gone.
    if (await this.#catalog.blob(digest)) return;
    const sizeBytes = await sizeOfFile(blobFile(this.#layout, digest));
    if (sizeBytes === null) return;
    await this.#catalog.adoptBlob({ digest, sizeBytes, identity: adoptedIdentity });
    this.#counts.adopted += 1;
  }

  async #forgetLost(rows: Iterator<BlobRecord>, signal: AbortSignal): Promise<void> {
    for (;;) {
      const batch = take(rows, batchSize);
      if (batch.length === 0) return;
      signal.throwIfAborted();
      await Promise.all(batch.map((row) => this.#forgetIfLost(row)));
    }
  }

  async #forgetIfLost(row: BlobRecord): Promise<void> {
    if ((await sizeOfFile(blobFile(this.#layout, row.digest))) !== null) return;
    await this.#catalog.forgetLost(row);
    this.#counts.forgotten += 1;
  }

  #leaveAlone(path: string): void {
    this.#counts.foreign += 1;
    if (this.#counts.firstForeign.length < namedForeign) this.#counts.firstForeign.push(path);
  }
}

function take<T>(items: Iterator<T>, limit: number): T[] {
  const taken: T[] = [];
  while (taken.length < limit) {
    const { done, value } = items.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

/** What is in a directory, some names at a time; nothing if there is none. */
async function* batchesIn(directory: string): AsyncGenerator<Dirent[]> {
  let batch: Dirent[] = [];
  for await (const entry of await openedIfThere(directory)) {
    batch.push(entry);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function openedIfThere(directory: string): Promise<AsyncIterable<Dirent> | Dirent[]> {
  try {
    return await opendir(directory, { bufferSize: batchSize });
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** The size of a regular file in bytes, or null if none is there. */
async function sizeOfFile(path: string): Promise<number | null> {
  try {
    const status = await lstat(path);
    return status.isFile() ? status.size : null;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}
