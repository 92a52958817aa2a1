import type { Config } from "../config/config.ts";
import { DirectoryLock } from "../storage/directory-lock.ts";
import { DiskBudget } from "../storage/disk-budget.ts";
import { layoutOf } from "../storage/layout.ts";
import { Overhead } from "../storage/overhead.ts";
import { SqliteCatalog } from "../storage/sqlite-catalog.ts";
import { refuseWithoutCatalog } from "./nothing-stored.ts";

/** What is stored, opened without a daemon. */
export interface StoredDirectory extends AsyncDisposable {
  readonly catalog: SqliteCatalog;
  readonly budget: DiskBudget;
}

/**
 * Takes the directory's lock, so that no daemon can start meanwhile. `source` says where the directory is configured.
 * Rejects with CommandError if nothing is stored, with StorageError while a daemon has the lock.
 */
export async function openStoredDirectory(
  { storage }: Config,
  source: string,
): Promise<StoredDirectory> {
  const layout = layoutOf(storage.directory);
  refuseWithoutCatalog(layout, source);
  await using stack = new AsyncDisposableStack();
  stack.use(DirectoryLock.acquire(layout));
  const catalog = stack.use(await SqliteCatalog.open(layout));
  const overhead = new Overhead({
    layout,
    removedBytes: () => 0,
    monotonicMs: () => performance.now(),
  });
  const budget = new DiskBudget({ catalog, overhead, ...storage });
  const owned = stack.move();
  return { catalog, budget, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
