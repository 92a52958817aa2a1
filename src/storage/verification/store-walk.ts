import type { Dirent } from "node:fs";
import { opendir } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Digest } from "../../oci/digest.ts";
import type { BlobRecord, Catalog } from "../catalog.ts";
import { digestIn, isIn, lastBefore, type Shard, shardsOf } from "../disk/shard.ts";
import type { Layout } from "../layout.ts";
import { codeOf, isSystemError } from "../storage-error.ts";

/** Something that lies in the store or stands in the catalog. What is missing may be on its way: ask again under its lock. */
export type StoreEntry =
  | { readonly kind: "stored"; readonly record: BlobRecord }
  | { readonly kind: "without-row"; readonly digest: Digest }
  | { readonly kind: "without-file"; readonly record: BlobRecord }
  /** None of ours. */
  | { readonly kind: "foreign"; readonly path: string }
  /** A directory that cannot be looked at: nothing is told of what is in it. */
  | { readonly kind: "unreadable"; readonly path: string; readonly reason: string };

/** So many names, or rows of 150 bytes, are in memory beside the rows of one shard. */
const walkBatch = 200;

/** Goes through files and rows together, shard by shard, while pulls go on. Once for each walk. */
export class StoreWalk {
  readonly #layout: Layout;
  readonly #catalog: Catalog;
  /** Rows that were read ahead, of the shards to come. */
  #rows: readonly BlobRecord[] = [];
  #lastRead: Digest | null = null;

  constructor(layout: Layout, catalog: Catalog) {
    this.#layout = layout;
    this.#catalog = catalog;
  }

  /**
   * All that there is, a batch at a time; what is stored in order of the digests, and only what comes after `after`.
   * Rejects if the catalog fails, and when `signal` is aborted.
   */
  async *entries(after: Digest | null, signal: AbortSignal): AsyncGenerator<readonly StoreEntry[]> {
    const { blobs } = this.#layout;
    yield* foreignIn(blobs, /^sha(?:256|512)$/);
    for (const name of ["sha256", "sha512"]) yield* foreignIn(join(blobs, name), /^[0-9a-f]{2}$/);
    const shards = shardsOf(this.#layout);
    const first = after === null ? 0 : shards.findIndex((shard) => isIn(shard, after));
    this.#lastRead = lastBefore(shards, first);
    for (const shard of shards.slice(first)) {
      yield* this.#entriesOf(shard, after, signal);
      signal.throwIfAborted();
    }
  }

  async *#entriesOf(
    shard: Shard,
    after: Digest | null,
    signal: AbortSignal,
  ): AsyncGenerator<readonly StoreEntry[]> {
    const rows = await this.#rowsOf(shard);
    const stored: BlobRecord[] = [];
    try {
      for await (const batch of batchesIn(shard.directory)) {
        signal.throwIfAborted();
        yield* inBatches(batch.flatMap((entry) => compared(shard, entry, { rows, stored })));
      }
    } catch (error) {
      // What cannot be looked at may be there.
      if (!isSystemError(error)) throw error;
      yield [{ kind: "unreadable", path: shard.directory, reason: error.message }];
      return;
    }
    yield* inBatches([...rows.values()].map((record) => ({ kind: "without-file", record })));
    const due = stored.filter(({ digest }) => after === null || digest > after);
    due.sort((one, other) => (one.digest < other.digest ? -1 : 1));
    yield* inBatches(due.map((record) => ({ kind: "stored", record })));
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
    this.#rows = await this.#catalog.blobs(this.#lastRead, walkBatch);
    this.#lastRead = this.#rows.at(-1)?.digest ?? this.#lastRead;
    return this.#rows.length > 0;
  }
}

/** What a name in a shard is; a file that has its row goes from `rows` to `stored`. */
function compared(
  shard: Shard,
  entry: Dirent,
  known: { readonly rows: Map<Digest, BlobRecord>; readonly stored: BlobRecord[] },
): StoreEntry[] {
  const digest = entry.isFile() ? digestIn(shard, entry.name) : null;
  if (!digest) return [{ kind: "foreign", path: join(shard.directory, entry.name) }];
  const record = known.rows.get(digest);
  if (!record) return [{ kind: "without-row", digest }];
  known.rows.delete(digest);
  known.stored.push(record);
  return [];
}

async function* foreignIn(directory: string, own: RegExp): AsyncGenerator<readonly StoreEntry[]> {
  for await (const batch of batchesIn(directory)) {
    const foreign = batch.filter(({ name }) => !own.test(name));
    yield* inBatches(foreign.map(({ name }) => ({ kind: "foreign", path: join(directory, name) })));
  }
}

function* inBatches(entries: readonly StoreEntry[]): Generator<readonly StoreEntry[]> {
  for (let at = 0; at < entries.length; at += walkBatch) yield entries.slice(at, at + walkBatch);
}

/** What is in a directory, some names at a time; nothing if there is none. */
async function* batchesIn(directory: string): AsyncGenerator<Dirent[]> {
  let batch: Dirent[] = [];
  for await (const entry of await openedIfThere(directory)) {
    batch.push(entry);
    if (batch.length < walkBatch) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function openedIfThere(directory: string): Promise<AsyncIterable<Dirent> | Dirent[]> {
  try {
    return await opendir(directory, { bufferSize: walkBatch });
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}
