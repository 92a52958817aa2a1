import type { Digest } from "../oci/digest.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import type { Catalog } from "../storage/catalog.ts";
import type { DigestLocks } from "../storage/digest-locks.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Rooms } from "./eviction/rooms.ts";

/** What storing content takes. */
export interface StorageTools {
  readonly store: BlobStore;
  readonly catalog: Catalog;
  readonly rooms: Rooms;
  readonly locks: DigestLocks;
  readonly metrics: Metrics;
  readonly log: Log;
  /** The wall clock, in ms since the epoch. */
  readonly now: () => number;
}

/**
 * What a step of the store or the catalog gives, or null, and a line in the log, if it fails: a disk that is broken
 * fails no pull that upstream can serve, so whoever asks must be able to go on without.
 */
export async function orNull<T>(log: Log, step: () => Promise<T>): Promise<T | null> {
  try {
    return await step();
  } catch (err) {
    log.error({ err }, "storage failed, going on without");
    return null;
  }
}

/**
 * Records committed content; if that fails it is removed again, for nothing would count or evict a file without a row.
 * The digest's lock must be held.
 */
export async function recordOrRemove(
  { store, catalog }: StorageTools,
  digest: Digest,
  record: () => Promise<void>,
): Promise<void> {
  try {
    await record();
  } catch (error) {
    const isKnown = await catalog.blob(digest).catch(() => null);
    if (!isKnown) await store.remove(digest).catch(() => {});
    throw error;
  }
}
