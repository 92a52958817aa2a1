import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import { Snapshot } from "../../src/storage/eviction/snapshot.ts";
import { storageDirectory } from "./storage-directory.ts";

test("a snapshot is of one moment for a hundred steps, and its transaction is not left open", async () => {
  await using directory = await storageDirectory();
  using stack = new DisposableStack();
  const open = (): Database.Database =>
    stack.adopt(new Database(directory.layout.catalogFile), (it) => it.close());
  const writer = open();
  writer.pragma("journal_mode = WAL");
  writer.exec("CREATE TABLE numbers (number INTEGER)");
  const reader = open();
  const count = reader.prepare("SELECT count(*) FROM numbers").pluck();
  const add = writer.prepare("INSERT INTO numbers VALUES (1)");
  const seen: unknown[] = [];

  {
    using snapshot = new Snapshot(reader);
    for (let step = 0; step < 250; step++) {
      snapshot.step();
      seen.push(count.get());
      add.run();
    }
  }

  assert.deepEqual([...new Set(seen)], [0, 100, 200]);
  assert.equal(reader.inTransaction, false);
});
