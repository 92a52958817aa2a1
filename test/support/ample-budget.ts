import type { Catalog } from "../../src/storage/catalog.ts";
import { DiskBudget } from "../../src/storage/disk-budget.ts";
import type { Layout } from "../../src/storage/layout.ts";
import { Overhead } from "../../src/storage/overhead.ts";

/** Room of a GiB, which no test takes, however little is free on the machine's disk. */
export function ampleBudget(layout: Layout, catalog: Catalog): DiskBudget {
  return new DiskBudget({
    catalog,
    overhead: new Overhead({
      layout,
      removedBytes: () => 0,
      leftovers: () => [],
      monotonicMs: () => 0,
    }),
    directory: layout.directory,
    maxSize: { kind: "bytes", bytes: 2 ** 30 },
    minFree: { kind: "bytes", bytes: 0 },
  });
}
