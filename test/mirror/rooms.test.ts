import assert from "node:assert/strict";
import { test } from "node:test";
import { Rooms } from "../../src/mirror/eviction/rooms.ts";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import { storageDirectory } from "../storage/storage-directory.ts";
import { ampleBudget } from "../support/ample-budget.ts";

test("while no room is given out there is none for what is new, and more for what has some already", async () => {
  await using directory = await storageDirectory();
  const { layout } = directory;
  await using catalog = await SqliteCatalog.open(layout);
  let isClosed = false;
  const rooms = new Rooms(ampleBudget(layout, catalog), null, () => isClosed);
  using room = await rooms.reserve(1_000);
  assert.ok(room);

  isClosed = true;

  assert.equal(await rooms.reserve(1_000), null);
  assert.equal(await rooms.free.reserve(1_000), null);
  assert.equal(await rooms.grow(room, 2_000), true);
});
