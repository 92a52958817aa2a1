import type { Digest } from "../../oci/digest.ts";
import type { BlobStore } from "../../storage/blob-store.ts";
import { adoptedIdentity, type Catalog } from "../../storage/catalog.ts";
import type { DigestLocks } from "../../storage/digest-locks.ts";
import type { DiskBudget } from "../../storage/disk-budget.ts";
import { allocatedBytes, type StoredObject, type Victim } from "../../storage/eviction/eviction.ts";
import { isoTime } from "../../telemetry/iso-time.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { Accesses } from "../accesses.ts";

export interface VictimTools {
  readonly catalog: Catalog;
  readonly store: BlobStore;
  readonly budget: DiskBudget;
  readonly accesses: Accesses;
  readonly locks: DigestLocks;
  readonly metrics: Metrics;
  readonly log: Log;
  /** Called for each digest that is stored no more. */
  readonly onRemoved: (digest: Digest) => void;
  /** Drops what is in memory of names and rights: the catalog is asked again, and then upstream. */
  readonly onForgotten: () => void;
}

/** What an eviction freed. */
export interface Freed {
  readonly roots: number;
  readonly objects: number;
  readonly bytes: number;
  /** The same in bytes on the disk. */
  readonly freedBytes: number;
  /** Roots that were pulled, or needed by something new, between choosing and evicting. */
  readonly spared: number;
}

export const nothingFreed: Freed = { roots: 0, objects: 0, bytes: 0, freedBytes: 0, spared: 0 };

export function bothFreed(one: Freed, other: Freed): Freed {
  return {
    roots: one.roots + other.roots,
    objects: one.objects + other.objects,
    bytes: one.bytes + other.bytes,
    freedBytes: one.freedBytes + other.freedBytes,
    spared: one.spared + other.spared,
  };
}

const spared: Freed = { ...nothingFreed, spared: 1 };

/** Throws away one victim: its rows, then its files. What was pulled or needed since it was chosen stays. */
export async function evictVictim(tools: VictimTools, victim: Victim): Promise<Freed> {
  const { accesses, catalog, budget, locks, onForgotten } = tools;
  const { latestAtMs, freed } = victim;
  const digests = freed.map(({ digest }) => digest);
  const isAsked = victim.reason === "purge";
  // Between the row and its file nothing else counts them, and nothing may be stored anew.
  using _locks = await locks.holdAll(digests);
  if (!isAsked && digests.some((digest) => accesses.isFresh(digest))) return spared;
  using _leaving = budget.leaving(victim.freedBytes);
  await catalog.evict({ latestAtMs: isAsked ? Number.POSITIVE_INFINITY : latestAtMs, digests });
  onForgotten();
  const removed: StoredObject[] = [];
  for (const object of freed) if (await removeFile(tools, object)) removed.push(object);
  if (removed.length === 0) return spared;
  // What is idle went out of its turn: what it was worth says nothing of the others.
  if (victim.reason === "size") accesses.raiseFloor(victim.priority);
  const bytes = removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const freedBytes = removed.reduce((sum, { sizeBytes }) => sum + allocatedBytes(sizeBytes), 0);
  count(tools, victim, { objects: removed.length, bytes });
  return { ...nothingFreed, roots: 1, objects: removed.length, bytes, freedBytes };
}

/**
 * Resolves to false for content that has its row still, for somebody pulled or needed it meanwhile; or whose file does
 * not go. That is adopted, so that it counts and its turn comes again.
 */
async function removeFile(
  tools: VictimTools,
  { digest, sizeBytes }: StoredObject,
): Promise<boolean> {
  const { catalog, store, log, onRemoved } = tools;
  if (await catalog.blob(digest)) return false;
  onRemoved(digest);
  try {
    await store.remove(digest);
    return true;
  } catch (err) {
    log.error({ err, digest }, "evicted content could not be removed");
  }
  await using left = await store.open(digest);
  if (!left) return true;
  await catalog.adoptBlob({ digest, sizeBytes, identity: adoptedIdentity });
  return false;
}

function count(
  { metrics, log }: VictimTools,
  { reason, root, lastAtMs, pulls }: Victim,
  { objects, bytes }: Pick<Freed, "objects" | "bytes">,
): void {
  metrics.evictedObjects.inc({ reason }, objects);
  metrics.evictedBytes.inc({ reason }, bytes);
  const lastPullAt = pulls > 0 ? isoTime(lastAtMs) : null;
  log.debug({ root, reason, lastPullAt, pulls, objects, bytes }, "image evicted");
}
