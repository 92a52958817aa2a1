import assert from "node:assert/strict";
import { test } from "node:test";
import { Rooms } from "../../src/mirror/eviction/rooms.ts";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import { DiskBudget } from "../../src/storage/disk-budget.ts";
import { Overhead } from "../../src/storage/overhead.ts";
import { storageDirectory } from "../storage/storage-directory.ts";

test("while no room is given out there is none for what is new, and more for what has some already", async () => {
  await using directory = await storageDirectory();
  const { layout } = directory;
  await using catalog = await SqliteCatalog.open(layout);
  const overhead = new Overhead({ layout, removedBytes: () => 0, monotonicMs: () => 0 });
  const [maxSize, minFree] = [2 ** 30, 0].map((bytes) => ({ kind: "bytes", bytes }) as const);
  assert.ok(maxSize && minFree);
  const budget = new DiskBudget({
    catalog,
    overhead,
    directory: layout.directory,
    maxSize,
    minFree,
  });
  let isClosed = false;
  const rooms = new Rooms(budget, null, () => isClosed);
  using room = await rooms.reserve(1_000);
  assert.ok(room);

  isClosed = true;

  assert.equal(await rooms.reserve(1_000), null);
  assert.equal(await rooms.free.reserve(1_000), null);
  assert.equal(await rooms.grow(room, 2_000), true);
});
