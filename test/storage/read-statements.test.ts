import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import { migrate } from "../../src/storage/catalog/file/migrations.ts";
import { readStatements } from "../../src/storage/catalog/reading/read-statements.ts";

// What may be gone through from end to end: the one row of the totals and of the scrubber, the pins, what a LIMIT has cut already, and what
// ends with its first row.
const short =
  /^SCAN (?:totals|scrub_round|pins|\(subquery-\d+\)|accesses USING COVERING INDEX roots_by_priority)$/;

// It gathers what one image names, which some dozens of look-ups find.
const gathers = new Set(["imageBytes"]);

test("every look-up of the catalog finds its rows by an index, in the order in which it gives them", () => {
  using stack = new DisposableStack();
  const database = stack.adopt(new Database(":memory:"), (it) => it.close());
  migrate(database);

  for (const [name, { source }] of Object.entries(readStatements(database))) {
    if (gathers.has(name)) continue;
    for (const step of planOf(database, source)) {
      assert.ok(short.test(step) || !/^SCAN|TEMP B-TREE/.test(step), `${name}: ${step}`);
    }
  }
});

function planOf(database: Database.Database, source: string): string[] {
  const parameters = source.split("?").slice(1).fill("");
  const rows = database.prepare(`EXPLAIN QUERY PLAN ${source}`).all(...parameters);
  return (rows as { detail: string }[]).map(({ detail }) => detail);
}
