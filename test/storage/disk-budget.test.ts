import assert from "node:assert/strict";
import { rename } from "node:fs/promises";
import { test } from "node:test";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import { DiskBudget } from "../../src/storage/disk-budget.ts";
import { haveRoot } from "../support/real-program.ts";
import { Tmpfs } from "../support/tmpfs.ts";
import { storageDirectory } from "./storage-directory.ts";

const mib = 1024 ** 2;

// Each was counted while the other was judged: neither got any.
test("of two that ask for room at once and fit only one by one, one gets it", async () => {
  await using home = await storageDirectory();
  await using catalog = await SqliteCatalog.open(home.layout);
  const { directory } = home.layout;
  const budget = budgetOf({ catalog, directory, maxBytes: 12_288 });

  const rooms = await Promise.all([budget.reserve(8192), budget.reserve(8192)]);

  assert.deepEqual(
    rooms.map((room) => room?.sizeBytes),
    [8192, undefined],
  );
  const { usedBytes, reservedBytes } = await budget.usage();
  assert.deepEqual([usedBytes, reservedBytes], [8192, 8192]);
});

// The bytes stayed reserved: after some of these nothing was stored any more.
test("room that could not be judged is not held", async () => {
  await using home = await storageDirectory();
  await using catalog = await SqliteCatalog.open(home.layout);
  const { directory } = home.layout;
  const budget = budgetOf({ catalog, directory, maxBytes: 4096 });
  await rename(directory, `${directory}-away`);
  await assert.rejects(budget.reserve(1000), { code: "ENOENT" });
  await rename(`${directory}-away`, directory);

  using room = await budget.reserve(1000);

  assert.equal(room?.sizeBytes, 1000);
  assert.equal(await budget.reserve(1), null);
});

test("evicted content that has no row any more counts until its files are gone", async () => {
  await using home = await storageDirectory();
  await using catalog = await SqliteCatalog.open(home.layout);
  const { directory } = home.layout;
  const budget = budgetOf({ catalog, directory, maxBytes: 8192 });
  const leaving = budget.leaving(8192);

  const before = await budget.reserve(4096);
  leaving[Symbol.dispose]();
  using after = await budget.reserve(4096);

  assert.deepEqual([before, after?.sizeBytes], [null, 4096]);
});

// Each of many fills looked at what was free before the others had written anything.
test("what is reserved counts against the free space, though none of it is written yet", async (t) => {
  if (!haveRoot(t)) return;
  await using disk = await Tmpfs.mount("size=8m,nr_inodes=2000");
  await using home = await storageDirectory();
  await using catalog = await SqliteCatalog.open(home.layout);
  const budget = budgetOf({ catalog, directory: disk.path, maxBytes: 100 * mib });

  using first = await budget.reserve(5 * mib);
  const second = await budget.reserve(5 * mib);

  assert.deepEqual([first?.sizeBytes, second], [5 * mib, null]);
});

test("with hardly any inodes there is no room, whatever is free", async (t) => {
  if (!haveRoot(t)) return;
  await using disk = await Tmpfs.mount("size=8m,nr_inodes=60");
  await using home = await storageDirectory();
  await using catalog = await SqliteCatalog.open(home.layout);
  const budget = budgetOf({ catalog, directory: disk.path, maxBytes: 100 * mib });

  const { lacksInodes, spareBytes } = await budget.usage();

  assert.ok(lacksInodes && spareBytes > 4096, `${spareBytes}`);
  assert.equal(await budget.reserve(4096), null);
});

function budgetOf({
  catalog,
  directory,
  maxBytes,
}: {
  readonly catalog: SqliteCatalog;
  readonly directory: string;
  readonly maxBytes: number;
}): DiskBudget {
  return new DiskBudget({
    catalog,
    overhead: { bytes: () => Promise.resolve(0), prepare: () => {} },
    directory,
    maxSize: { kind: "bytes", bytes: maxBytes },
    minFree: { kind: "bytes", bytes: 0 },
  });
}
