import { setTimeout as delay } from "node:timers/promises";
import type { Digest } from "../oci/digest.ts";
import type { BlobStore } from "../storage/blob-store.ts";
import { adoptedIdentity, type Catalog } from "../storage/catalog.ts";
import type { DigestLocks } from "../storage/digest-locks.ts";
import type { DiskBudget } from "../storage/disk-budget.ts";
import {
  allocatedBytes,
  type EvictionPlan,
  type StoredObject,
  type Victim,
} from "../storage/eviction.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Accesses } from "./accesses.ts";
import type { RoomMaker } from "./rooms.ts";

/** When to evict, and how much. */
export interface EvictionSettings {
  readonly intervalMs: number;
  /** Shares of `storage.maxSize` between 0 and 1: above the one eviction begins, at the other it ends. */
  readonly highWatermark: number;
  readonly lowWatermark: number;
  /** What nobody pulled for so long goes whatever the size; null for never. */
  readonly maxIdleMs: number | null;
  /** Images that stay: see `image-glob.ts`. */
  readonly pins: readonly string[];
}

export interface EvictorTools {
  readonly catalog: Catalog;
  readonly store: BlobStore;
  readonly budget: DiskBudget;
  readonly accesses: Accesses;
  readonly locks: DigestLocks;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly now: () => number;
  /** Called for each digest that is stored no more. */
  readonly onEvicted: (digest: Digest) => void;
}

/** What would go, and what that would make of the disk. In bytes on the disk. */
export interface PlannedEviction extends EvictionPlan {
  /** What everything under the storage directory takes before it. */
  readonly usedBytes: number;
  /** `storage.maxSize`. */
  readonly limitBytes: number;
  /** What is aimed at. */
  readonly toBytes: number;
  /** How much more than `storage.minFree` is free on the file system before it; below 0 if less is. */
  readonly spareBytes: number;
}

/** What an eviction did. */
export interface Evicted extends Freed {
  /** What was aimed at, in bytes on the disk. */
  readonly toBytes: number;
  readonly pinned: EvictionPlan["pinned"];
}

interface Freed {
  readonly roots: number;
  readonly objects: number;
  readonly bytes: number;
  /** The same in bytes on the disk. */
  readonly freedBytes: number;
  /** Roots that were pulled, or needed by something new, between choosing and evicting. */
  readonly spared: number;
}

/** How far to go. */
export interface EvictionAim {
  /** What everything under the storage directory may take in the end, in bytes; null for the low watermark. */
  readonly toBytes: number | null;
}

// Whoever waits for room for longer passes its content through unstored: a client waits for its first byte meanwhile.
const patienceMs = 5_000;

const nothing: Freed = { roots: 0, objects: 0, bytes: 0, freedBytes: 0, spared: 0 };

/**
 * Throws away what was not pulled for longest, image by image, when the store is too full. One eviction runs at a time:
 * whoever needs room meanwhile waits for that one.
 */
export class Evictor implements RoomMaker, AsyncDisposable {
  /** Takes effect with the next eviction. */
  settings: EvictionSettings;
  readonly #tools: EvictorTools;
  #running: Promise<Evicted> | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** What those who wait for room want together. */
  #neededBytes = 0;

  constructor(tools: EvictorTools, settings: EvictionSettings) {
    this.#tools = tools;
    this.settings = settings;
  }

  /** Looks from now on, every `settings.intervalMs`, whether something must go. */
  watch(): void {
    this.#timer = setTimeout(() => {
      this.#evictIfFull()
        .catch((err) => this.#tools.log.error({ err }, "eviction failed"))
        .finally(() => {
          if (this.#timer !== null) this.watch();
        });
    }, this.settings.intervalMs).unref();
  }

  /** What would go now, in its order. Changes nothing. */
  async plan({ toBytes }: EvictionAim, named: boolean): Promise<PlannedEviction> {
    const { accesses, budget, catalog, now } = this.#tools;
    await accesses.flush();
    const { lowWatermark, maxIdleMs, pins } = this.settings;
    const { usedBytes, limitBytes, spareBytes } = await budget.usage();
    const needed = this.#neededBytes;
    const endBytes = Math.floor(
      Math.min(toBytes ?? lowWatermark * limitBytes, limitBytes - needed),
    );
    const plan = await catalog.chooseVictims({
      freeBytes: Math.max(0, usedBytes - endBytes, needed - spareBytes),
      idleSinceMs: maxIdleMs === null ? null : now() - maxIdleMs,
      pins,
      named,
    });
    return { usedBytes, limitBytes, toBytes: Math.max(0, endBytes), spareBytes, ...plan };
  }

  /** Evicts; resolves to what was freed. */
  async evict(aim: EvictionAim): Promise<Evicted> {
    // One that runs may not go as far.
    while (this.#running !== null) await this.#running.catch(() => {});
    return await this.#begin(aim);
  }

  /** As `RoomMaker` says. Content that would not fit beside what is arriving evicts nothing. */
  async makeRoom(bytes: number): Promise<void> {
    const { limitBytes, overheadBytes, reservedBytes } = await this.#tools.budget.usage();
    if (bytes > limitBytes - overheadBytes - reservedBytes) return;
    this.#neededBytes += bytes;
    try {
      await Promise.race([this.#join(), delay(patienceMs, null, { ref: false })]);
    } finally {
      this.#neededBytes -= bytes;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#running?.catch(() => {});
  }

  /** Whoever waits for room when one ends shares the next: it makes room for all of them. */
  async #join(): Promise<void> {
    await this.#running?.catch(() => {});
    await (this.#running ?? this.#begin({ toBytes: null }));
  }

  #begin(aim: EvictionAim): Promise<Evicted> {
    this.#running = this.#carryOut(aim).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #evictIfFull(): Promise<void> {
    const { usedBytes, limitBytes, spareBytes } = await this.#tools.budget.usage();
    const { highWatermark, maxIdleMs } = this.settings;
    const isFull = usedBytes > highWatermark * limitBytes || spareBytes < 0;
    if (isFull) await this.evict({ toBytes: null });
    // What is idle goes though there is room.
    else if (maxIdleMs !== null) await this.evict({ toBytes: limitBytes });
  }

  async #carryOut(aim: EvictionAim): Promise<Evicted> {
    const { log } = this.#tools;
    const plan = await this.plan(aim, false);
    let done: Freed = nothing;
    for (const victim of plan.victims) done = await this.#evictOne(victim, done);
    const isFull = plan.usedBytes > plan.toBytes || plan.spareBytes < 0;
    if (isFull && plan.pinned.roots > 0 && plan.freedBytes === 0) {
      log.warn({ pinned: plan.pinned.roots }, "all that could be evicted is pinned");
    }
    if (done.roots > 0) log.info({ ...done }, "evicted");
    return { ...done, toBytes: plan.toBytes, pinned: plan.pinned };
  }

  async #evictOne(victim: Victim, done: Freed): Promise<Freed> {
    const { accesses, catalog, budget, locks } = this.#tools;
    const { latestAtMs, freed } = victim;
    const digests = freed.map(({ digest }) => digest);
    if (digests.some((digest) => accesses.isFresh(digest)))
      return { ...done, spared: done.spared + 1 };
    // Between the row and its file nothing else counts them, and nothing may be stored anew.
    using _locks = await locks.holdAll(digests);
    using _leaving = budget.leaving(victim.freedBytes);
    await catalog.evict({ latestAtMs, digests });
    let objects = 0;
    let bytes = 0;
    let freedBytes = 0;
    for (const object of freed) {
      if (!(await this.#removeFile(object))) continue;
      objects++;
      bytes += object.sizeBytes;
      freedBytes += allocatedBytes(object.sizeBytes);
    }
    if (objects === 0) return { ...done, spared: done.spared + 1 };
    // What is idle went out of its turn: what it was worth says nothing of the others.
    if (victim.reason === "size") accesses.raiseFloor(victim.priority);
    this.#count(victim, objects, bytes);
    return {
      ...done,
      roots: done.roots + 1,
      objects: done.objects + objects,
      bytes: done.bytes + bytes,
      freedBytes: done.freedBytes + freedBytes,
    };
  }

  /**
   * Resolves to false for content that has its row still, for somebody pulled or needed it meanwhile; or whose file does
   * not go. That is adopted, so that it counts and its turn comes again.
   */
  async #removeFile({ digest, sizeBytes }: StoredObject): Promise<boolean> {
    const { catalog, store, log, onEvicted } = this.#tools;
    if (await catalog.blob(digest)) return false;
    onEvicted(digest);
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

  #count({ reason, root, lastAtMs, pulls }: Victim, objects: number, bytes: number): void {
    const { metrics, log } = this.#tools;
    metrics.evictedObjects.inc({ reason }, objects);
    metrics.evictedBytes.inc({ reason }, bytes);
    log.debug({ root, reason, lastAtMs, pulls, objects, bytes }, "image evicted");
  }
}
