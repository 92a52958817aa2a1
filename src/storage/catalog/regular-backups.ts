import type { SqliteCatalog } from "./sqlite-catalog.ts";

export interface BackedUpCatalog {
  readonly catalog: Pick<SqliteCatalog, "backUp" | "backedUpAtMs">;
  /** The wall clock, in ms since the epoch. */
  readonly now: () => number;
}

// What is lost with the catalog is what was recorded since: content is adopted, tags and grants are asked for anew.
const everyMs = 3_600_000;

// The clients that waited for the mirror to come back go first.
const firstMs = 60_000;

/** Backups of the catalog, and when the next one is due. */
export class RegularBackups {
  readonly #options: BackedUpCatalog;
  #hasFailed = false;

  constructor(options: BackedUpCatalog) {
    this.#options = options;
  }

  /**
   * How long to wait for the next one, in ms: by the age of the newest, so that frequent starts do not mean frequent
   * backups, nor none.
   */
  async untilNextMs(): Promise<number> {
    // To copy and check all of the catalog is much, and what keeps it from that, such as a full disk, seldom goes soon.
    if (this.#hasFailed) return everyMs;
    const { catalog, now } = this.#options;
    const backedUpAtMs = await catalog.backedUpAtMs();
    if (backedUpAtMs === null) return firstMs;
    const dueMs = backedUpAtMs + everyMs - now();
    return Math.min(Math.max(dueMs, firstMs), everyMs);
  }

  /** Rejects as `SqliteCatalog.backUp` does. */
  async make(signal: AbortSignal): Promise<void> {
    this.#hasFailed = true;
    await this.#options.catalog.backUp(signal);
    this.#hasFailed = false;
  }
}
