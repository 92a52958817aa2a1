import type { Log } from "../telemetry/log.ts";
import { withoutWaits } from "../telemetry/waits.ts";

// An upstream that hangs holds so many connections for work that nobody waits for, and no more.
const runningLimit = 4;

// What waits beyond is dropped: the next pull that misses it asks again.
const waitingLimit = 1_000;

interface Lane {
  /** By key, in the order they came. */
  readonly waiting: Map<string, () => Promise<unknown>>;
  readonly running: Set<string>;
}

/** Work behind an answer that nobody waits for: a few at a time for each upstream, one for each key. */
export class Behind {
  readonly #log: Log;
  readonly #lanes = new Map<string, Lane>();
  readonly #ends = new Set<Promise<void>>();
  #stopped = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Does the work soon, unless work of this key waits or runs already. Its failure is only logged. */
  run(upstream: string, key: string, work: () => Promise<unknown>): void {
    const lane = this.#lane(upstream);
    if (this.#stopped || lane.running.has(key) || lane.waiting.has(key)) return;
    if (lane.waiting.size >= waitingLimit) return;
    lane.waiting.set(key, work);
    this.#next(upstream, lane);
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
