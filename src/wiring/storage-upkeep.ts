import { setTimeout as after } from "node:timers/promises";
import type { StorageConfig } from "../config/config.ts";
import { Scrubber } from "../mirror/upkeep/scrubber.ts";
import type { Verifier } from "../mirror/upkeep/verifier.ts";
import { RegularBackups } from "../storage/catalog/regular-backups.ts";
import type { SqliteCatalog } from "../storage/catalog/sqlite-catalog.ts";
import type { DigestLocks } from "../storage/digest-locks.ts";
import type { DiskBlobStore } from "../storage/disk/disk-blob-store.ts";
import type { Layout } from "../storage/layout.ts";
import { StoreScan } from "../storage/verification/store-scan.ts";
import type { Log } from "../telemetry/log.ts";

export interface StorageUpkeepOptions {
  readonly layout: Layout;
  readonly store: DiskBlobStore;
  readonly catalog: SqliteCatalog;
  readonly locks: DigestLocks;
  readonly verifier: Verifier;
  readonly scrubMs: StorageConfig["scrubMs"];
  readonly log: Log;
  /** The wall clock, in ms since the epoch. */
  readonly now: () => number;
  /** A clock that never jumps, in ms. */
  readonly monotonicMs: () => number;
}

/** What is done for the storage directory behind the pulls, from construction until it is disposed. */
export class StorageUpkeep implements AsyncDisposable {
  readonly #options: StorageUpkeepOptions;
  readonly #ending = new AbortController();
  readonly #work: Promise<unknown>;

  constructor(options: StorageUpkeepOptions) {
    this.#options = options;
    this.#work = Promise.all([
      this.#sweep()
        .then(() => this.#scan())
        .then(() => this.#scrub()),
      this.#backUpFromTimeToTime(),
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#work;
  }

  async #sweep(): Promise<void> {
    const { store, log } = this.#options;
    const { removed, failures } = await store.sweep();
    if (removed > 0) log.info({ removed }, "removed what an earlier run left behind");
    for (const { path, error } of failures) {
      log.error({ path, err: error }, "could not remove a left-over");
    }
    await this.#trimQuarantine();
  }

  async #scan(): Promise<void> {
    const { layout, catalog, locks, log } = this.#options;
    await this.#unlessEnding("could not compare the files with the catalog", async (signal) => {
      const counts = await new StoreScan({ layout, catalog, locks }).run(signal);
      log[counts.foreign > 0 ? "warn" : "info"](counts, "compared the files with the catalog");
    });
  }

  async #scrub(): Promise<void> {
    const { scrubMs: periodMs } = this.#options;
    if (periodMs === null) return;
    const scrubber = new Scrubber({ ...this.#options, periodMs });
    await this.#unlessEnding("the scrubber has ended", (signal) => scrubber.run(signal));
  }

  async #trimQuarantine(): Promise<void> {
    const { store } = this.#options;
    await this.#unlessEnding("could not look after the quarantine", () => store.trimQuarantine());
  }

  async #backUpFromTimeToTime(): Promise<void> {
    const backups = new RegularBackups(this.#options);
    while (await this.#pause(await backups.untilNextMs())) {
      await this.#unlessEnding("could not back up the catalog", (signal) => backups.make(signal));
      await this.#trimQuarantine();
    }
  }

  /** Resolves to false when it is time to end. */
  async #pause(durationMs: number): Promise<boolean> {
    await after(durationMs, null, { ref: false, signal: this.#ending.signal }).catch(() => {});
    return !this.#ending.signal.aborted;
  }

  async #unlessEnding(failed: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    try {
      await work(this.#ending.signal);
    } catch (err) {
      if (!this.#ending.signal.aborted) this.#options.log.error({ err }, failed);
    }
  }
}
