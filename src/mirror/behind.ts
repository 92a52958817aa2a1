import type { Log } from "../telemetry/log.ts";
import { withoutWaits } from "../telemetry/waits.ts";

// An upstream that hangs holds so many connections for work that nobody waits for, and no more.
const runningLimit = 4;

// What waits beyond is dropped: the next pull that misses it asks again.
const waitingLimit = 1_000;

// A manifest is stored, or a tag recorded, within some milliseconds. A disk that syncs slowly, or another process that writes
// to the catalog, must not be what a client waits for.
const defaultWritePatienceMs = 100;

// So many writes at a time go on behind their answers. Beyond, a disk that hangs would gather manifests of up to 4 MiB each.
const lateLimit = 64;

interface Lane {
  /** By key, in the order they came. */
  readonly waiting: Map<string, () => Promise<unknown>>;
  readonly running: Set<string>;
}

/** Work behind an answer that nobody waits for: a few at a time for each upstream, one for each key. */
export class Behind {
  readonly #log: Log;
  readonly #writePatienceMs: number;
  readonly #lanes = new Map<string, Lane>();
  readonly #ends = new Set<Promise<void>>();
  #late = 0;
  #stopped = false;

  constructor(log: Log, writePatienceMs: number = defaultWritePatienceMs) {
    this.#log = log;
    this.#writePatienceMs = writePatienceMs;
  }

  /** Does the work soon, unless work of this key waits or runs already. Its failure is only logged. */
  run(upstream: string, key: string, work: () => Promise<unknown>): void {
    const lane = this.#lane(upstream);
    if (this.#stopped || lane.running.has(key) || lane.waiting.has(key)) return;
    if (lane.waiting.size >= waitingLimit) return;
    lane.waiting.set(key, work);
    this.#next(upstream, lane);
  }

  /**
   * What `write`, which never rejects, gives; or null if it takes longer than an answer waits for it, and goes on behind
   * that; or `undone` if too many do, so that it is not begun.
   */
  async soonOrLate<T>(write: () => Promise<T>, undone: T): Promise<T | null> {
    if (this.#late >= lateLimit) return undone;
    const end = Promise.withResolvers<void>();
    const patience = Promise.withResolvers<null>();
    const timer = setTimeout(() => {
      this.#late += 1;
      this.#ends.add(end.promise);
      patience.resolve(null);
    }, this.#writePatienceMs);
    const written = write().finally(() => {
      clearTimeout(timer);
      if (this.#ends.delete(end.promise)) this.#late -= 1;
      end.resolve();
    });
    return await Promise.race([written, patience.promise]);
  }

  /** Resolves when nothing runs and nothing waits. */
  async idle(): Promise<void> {
    while (this.#ends.size > 0) await Promise.all(this.#ends);
  }

  /** Drops what waits; resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { waiting } of this.#lanes.values()) waiting.clear();
    await this.idle();
  }

  #next(upstream: string, lane: Lane): void {
    const [first] = lane.waiting;
    if (!first || lane.running.size >= runningLimit) return;
    const [key, work] = first;
    lane.waiting.delete(key);
    lane.running.add(key);
    const end = this.#attempt(upstream, work).then(() => {
      lane.running.delete(key);
      this.#ends.delete(end);
      this.#next(upstream, lane);
    });
    this.#ends.add(end);
  }

  async #attempt(upstream: string, work: () => Promise<unknown>): Promise<void> {
    try {
      // Whoever had it done is not the one who waits for it.
      await withoutWaits(work);
    } catch (err) {
      this.#log.debug({ err, upstream }, "work behind an answer failed");
    }
  }

  #lane(upstream: string): Lane {
    const lane = this.#lanes.get(upstream) ?? { waiting: new Map(), running: new Set() };
    this.#lanes.set(upstream, lane);
    return lane;
  }
}
