import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryTable } from "../../src/mirror/memory-table.ts";

test("a full table forgets what was asked for longest ago", () => {
  const table = memoryTable<number>(3);
  for (const [at, name] of ["first", "second", "third"].entries()) table.set(name, at);
  table.get("first");

  table.set("fourth", 3);

  assert.deepEqual([...table.keys()].sort(), ["first", "fourth", "third"]);
});
