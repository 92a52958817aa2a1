import type { BlobStore } from "../storage/blob-store.ts";
import type { Catalog } from "../storage/catalog.ts";
import type { DiskBudget } from "../storage/disk-budget.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/** What storing content takes. */
export interface StorageTools {
  readonly store: BlobStore;
  readonly catalog: Catalog;
  readonly budget: DiskBudget;
  readonly metrics: Metrics;
  readonly log: Log;
  /** The wall clock, in ms since the epoch. */
  readonly now: () => number;
}
