import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import { migrate } from "../../src/storage/catalog/file/migrations.ts";
import { TagMoveStatements } from "../../src/storage/catalog/writing/tag-move-statements.ts";
import { WriteStatements } from "../../src/storage/catalog/writing/write-statements.ts";
import { blobRecord, locationOf, tagOf } from "../support/catalog-suite.ts";

const alpine = locationOf("docker.io", "library/alpine");

test("beyond the bound of all moves of tags the oldest go, whatever their tag", () => {
  using stack = new DisposableStack();
  const database = stack.adopt(new Database(":memory:"), (it) => it.close());
  migrate(database);
  record(database, "made", 0);
  const moves = new TagMoveStatements(database, { ofOneTag: 3, inAll: 5 });

  for (let at = 1; at <= 20; at++) {
    const record = { digest: blobRecord(`${at}`).digest, checkedAtMs: at };
    moves.note(alpine, tagOf(`tag-${at % 2}`), record);
  }

  assert.deepEqual(timesOf(database), [16, 17, 18, 19, 20]);
});

test("what a tag meant before there was a history is where it moves from, and no move", () => {
  using stack = new DisposableStack();
  const database = stack.adopt(new Database(":memory:"), (it) => it.close());
  migrate(database);
  record(database, "old", 1);
  database.exec("DELETE FROM tag_moves");

  record(database, "old", 2);
  record(database, "new", 3);

  const rows = database.prepare("SELECT at_ms, moved_from IS NULL AS first FROM tag_moves").all();
  assert.deepEqual(rows, [{ at_ms: 3, first: 0 }]);
});

function record(database: Database.Database, text: string, checkedAtMs: number): void {
  new WriteStatements(database).apply({
    kind: "record-tag",
    location: alpine,
    tag: tagOf("latest"),
    variant: "",
    record: { digest: blobRecord(text).digest, checkedAtMs },
  });
}

function timesOf(database: Database.Database): number[] {
  const rows = database.prepare("SELECT at_ms AS atMs FROM tag_moves ORDER BY id").all();
  return (rows as { atMs: number }[]).map(({ atMs }) => atMs);
}
