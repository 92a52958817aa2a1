import type { StorageConfig } from "../config/config.ts";
import type { CatalogOrigin } from "../storage/catalog/file/catalog-file.ts";
import { SqliteCatalog } from "../storage/catalog/sqlite-catalog.ts";
import { DigestLocks } from "../storage/digest-locks.ts";
import { DirectoryLock } from "../storage/directory-lock.ts";
import { DiskBlobStore } from "../storage/disk/disk-blob-store.ts";
import { DiskBudget } from "../storage/disk-budget.ts";
import { type Layout, prepareLayout } from "../storage/layout.ts";
import { Overhead } from "../storage/overhead.ts";
import type { Log } from "../telemetry/log.ts";

export interface StorageOptions {
  readonly config: { readonly storage: StorageConfig };
  readonly log: Log;
  /** The wall clock, in ms since the epoch. */
  readonly now: () => number;
  /** A clock that never jumps, in ms. */
  readonly monotonicMs: () => number;
}

export interface Storage {
  readonly layout: Layout;
  readonly store: DiskBlobStore;
  readonly catalog: SqliteCatalog;
  readonly budget: DiskBudget;
  readonly locks: DigestLocks;
}

/**
 * Takes the storage directory for this process until `stack` is disposed. Rejects with StorageError if another one has
 * it, or if it cannot be used.
 */
export async function openStorage(
  stack: AsyncDisposableStack,
  { config, log, now, monotonicMs }: StorageOptions,
): Promise<Storage> {
  const layout = await prepareLayout(config.storage.directory);
  stack.use(DirectoryLock.acquire(layout));
  const store = stack.use(await DiskBlobStore.open(layout, now));
  const catalog = stack.use(await SqliteCatalog.open(layout, now));
  logOrigin(catalog.origin, log);
  const overhead = new Overhead({
    layout,
    removedBytes: () => store.removedBytes,
    leftovers: () => store.leftovers,
    monotonicMs,
  });
  const budget = new DiskBudget({ catalog, overhead, ...config.storage });
  return { layout, store, catalog, budget, locks: new DigestLocks() };
}

function logOrigin(origin: CatalogOrigin, log: Log): void {
  if (origin.restoredFrom !== null) log.error(origin, "catalog was lost, went on with its backup");
  else if (origin.setAside !== null) log.error(origin, "catalog was corrupt, began a new one");
}
