import assert from "node:assert/strict";
import { rename } from "node:fs/promises";
import { test } from "node:test";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import { DiskBudget } from "../../src/storage/disk-budget.ts";
import { storageDirectory } from "./storage-directory.ts";

// Each was counted while the other was judged: neither got any.
test("of two that fit only one by one, one gets room", async () => {
  await using home = await storageDirectory();
  await using catalog = await SqliteCatalog.open(home.layout);
  const budget = new DiskBudget({
    catalog,
    overhead: { bytes: () => Promise.resolve(0), prepare: () => {} },
    directory: home.layout.directory,
    maxSize: { kind: "bytes", bytes: 12_288 },
    minFree: { kind: "bytes", bytes: 0 },
  });

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
  const budget = new DiskBudget({
    catalog,
    overhead: { bytes: () => Promise.resolve(8192), prepare: () => {} },
    directory,
    maxSize: { kind: "bytes", bytes: 8192 + 4096 },
    minFree: { kind: "bytes", bytes: 0 },
  });
  await rename(directory, `${directory}-away`);
  await assert.rejects(budget.reserve(1000), { code: "ENOENT" });
  await rename(`${directory}-away`, directory);

  using room = await budget.reserve(1000);

  assert.equal(room?.sizeBytes, 1000);
  assert.equal(await budget.reserve(1), null);
});
