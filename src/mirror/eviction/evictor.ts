import { setTimeout as delay } from "node:timers/promises";
import type { Digest } from "../../oci/digest.ts";
import type { EvictionPlan, VictimRequest } from "../../storage/eviction/eviction.ts";
import { pinPatterns } from "./pins.ts";
import type { RoomMaker } from "./rooms.ts";
import {
  bothFreed,
  evictVictim,
  type Freed,
  nothingFreed,
  type VictimTools,
} from "./victim-eviction.ts";

/** When to evict, and how much. */
export interface EvictionSettings {
  readonly intervalMs: number;
  /** Shares of `storage.maxSize` between 0 and 1: above the one eviction begins, at the other it ends. */
  readonly highWatermark: number;
  readonly lowWatermark: number;
  /** What nobody pulled for so long goes whatever the size; null for never. */
  readonly maxIdleMs: number | null;
  /** Images that stay, beside those that the catalog has: see `image-glob.ts`. */
  readonly pins: readonly string[];
}

export interface EvictorTools extends VictimTools {
  readonly now: () => number;
  /** The content that is on its way into the store. */
  readonly arriving: () => readonly Digest[];
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
export interface Evicted extends Freed, Pick<EvictionPlan, "pinned" | "arriving"> {
  /** What was aimed at, in bytes on the disk. */
  readonly toBytes: number;
}

/** How far to go. */
export interface EvictionAim {
  /** What everything under the storage directory may take in the end, in bytes; null for the low watermark. */
  readonly toBytes: number | null;
}

// Whoever waits for room for longer passes its content through unstored: a client waits for its first byte meanwhile.
const patienceMs = 5_000;

// So many images are chosen and evicted at a time. Whoever waits for room looks after each portion whether there is any,
// and what comes from the thread that chooses, 100 bytes a blob, is read within some milliseconds.
const portionRoots = 100;

// So long after its manifest a client may still be pulling an image's layers.
const pullMs = 3_600_000;

// What is freed at a time where inodes are what lacks: dozens of the smallest files, or one that is larger.
const smallFilesBytes = 256 * 1024;

type Wanted = Pick<VictimRequest, "limit" | "rest" | "named">;

const portion: Wanted = { limit: portionRoots, rest: "left", named: false };

interface Portion extends Evicted {
  /** What was used before it. */
  readonly usedBytes: number;
  /** Whether there is more to evict. */
  readonly isCut: boolean;
}

/**
 * Throws away what is worth least, image by image, when the store is too full. It does so by portions, one at a time, of
 * which each is chosen from what is stored then: whoever needs room shares the next.
 */
export class Evictor implements RoomMaker, AsyncDisposable {
  /** Takes effect with the next portion. */
  settings: EvictionSettings;
  readonly #tools: EvictorTools;
  #running: Promise<Portion> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #ended = false;
  #lackedInodes = false;
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

  /** What would go now, in its order; it tells all of the first `limit` victims. Changes nothing. */
  plan(aim: EvictionAim, limit: number): Promise<PlannedEviction> {
    return this.#plan(aim, { limit, rest: "counted", named: true });
  }

  /**
   * Evicts; resolves to what was freed. It ends when it has freed as much as lay there when it began: what comes meanwhile
   * does not keep it going.
   */
  async evict(aim: EvictionAim): Promise<Evicted> {
    const first = await this.#evictPortion(aim);
    let last = first;
    // Without what a portion alone has.
    let freed = bothFreed(nothingFreed, first);
    while (last.isCut && last.roots > 0 && freed.freedBytes < first.usedBytes && !this.#ended) {
      last = await this.#evictPortion(aim);
      freed = bothFreed(freed, last);
    }
    const { toBytes, pinned, arriving } = last;
    return { ...freed, toBytes, pinned, arriving };
  }

  /** As `RoomMaker` says. Content that would not fit beside what is arriving evicts nothing. */
  async makeRoom(bytes: number): Promise<boolean> {
    const { budget, store } = this.#tools;
    const late = delay(patienceMs, false, { ref: false });
    await Promise.race([store.sweep(), late]);
    const { limitBytes, overheadBytes, reservedBytes, lacksInodes } = await budget.usage();
    this.#tellOfInodes(lacksInodes);
    if (bytes > limitBytes - overheadBytes - reservedBytes) return false;
    const patience = new AbortController();
    this.#neededBytes += bytes;
    try {
      return await Promise.race([this.#evictUntilFits(bytes, patience.signal), late]);
    } finally {
      this.#neededBytes -= bytes;
      patience.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#running?.catch(() => {});
  }

  /** Whoever waits for room while a portion runs shares the next: it makes room for all of them. */
  async #evictUntilFits(bytes: number, patience: AbortSignal): Promise<boolean> {
    while (!patience.aborted && !this.#ended) {
      await this.#running?.catch(() => {});
      const { isCut, roots } = await (this.#running ?? this.#begin({ toBytes: null }));
      const { usedBytes, limitBytes, spareBytes, lacksInodes } = await this.#tools.budget.usage();
      const fits = usedBytes + bytes <= limitBytes && bytes <= spareBytes;
      if (fits && !lacksInodes) return true;
      // What was chosen is enough by its bytes; by its files it may not be.
      if (!(isCut || lacksInodes) || roots === 0) return false;
    }
    return false;
  }

  /** Once, until there are some again. */
  #tellOfInodes(lacksInodes: boolean): void {
    if (lacksInodes && !this.#lackedInodes) {
      this.#tools.log.warn(
        "hardly any inodes are left on the file system of the storage directory, so content is evicted though bytes are free. " +
          "Remove small files from it, or make a file system with more inodes",
      );
    }
    this.#lackedInodes = lacksInodes;
  }

  async #evictIfFull(): Promise<void> {
    const { usedBytes, limitBytes, spareBytes } = await this.#tools.budget.usage();
    const { highWatermark, maxIdleMs } = this.settings;
    const isFull = usedBytes > highWatermark * limitBytes || spareBytes < 0;
    if (isFull) await this.evict({ toBytes: null });
    // What is idle goes though there is room.
    else if (maxIdleMs !== null) await this.evict({ toBytes: limitBytes });
  }

  async #evictPortion(aim: EvictionAim): Promise<Portion> {
    // One that runs may not go as far.
    while (this.#running !== null) await this.#running.catch(() => {});
    return await this.#begin(aim);
  }

  #begin(aim: EvictionAim): Promise<Portion> {
    this.#running = this.#carryOut(aim).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #carryOut(aim: EvictionAim): Promise<Portion> {
    const { log, store } = this.#tools;
    // What takes space and is of no use to anybody goes first.
    await store.sweep();
    const plan = await this.#plan(aim, portion);
    let freed = nothingFreed;
    for (const victim of plan.victims) {
      freed = bothFreed(freed, await evictVictim(this.#tools, victim));
    }
    const { usedBytes, toBytes, spareBytes, pinned, arriving } = plan;
    const isFull = usedBytes > toBytes || spareBytes < 0;
    if (isFull && pinned.roots > 0 && plan.freedBytes === 0) {
      log.warn({ pinned: pinned.roots }, "all that could be evicted is pinned");
    }
    if (freed.roots > 0) log.info({ ...freed }, "evicted");
    const isCut = plan.victims.length >= portionRoots;
    return { ...freed, toBytes, pinned, arriving, usedBytes, isCut };
  }

  async #plan({ toBytes }: EvictionAim, wanted: Wanted): Promise<PlannedEviction> {
    const { accesses, arriving, budget, catalog, now } = this.#tools;
    await accesses.flush();
    const { lowWatermark, maxIdleMs } = this.settings;
    const pins = await pinPatterns(catalog, this.settings);
    const { usedBytes, limitBytes, spareBytes, lacksInodes } = await budget.usage();
    const leastBytes = lacksInodes ? smallFilesBytes : 0;
    const needed = this.#neededBytes;
    const endBytes = Math.floor(
      Math.min(toBytes ?? lowWatermark * limitBytes, limitBytes - needed),
    );
    const plan = await catalog.ask({
      kind: "victims",
      request: {
        ...wanted,
        freeBytes: Math.max(leastBytes, usedBytes - endBytes, needed - spareBytes),
        idleSinceMs: maxIdleMs === null ? null : now() - maxIdleMs,
        pins,
        arriving: { digests: arriving(), pulledSinceMs: now() - pullMs },
      },
    });
    return { usedBytes, limitBytes, toBytes: Math.max(0, endBytes), spareBytes, ...plan };
  }
}
