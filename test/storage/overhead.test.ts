import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Overhead } from "../../src/storage/overhead.ts";
import { storageDirectory } from "./storage-directory.ts";

test("overhead that was measured ahead is told without another look, until 250 ms after it was measured", async () => {
  await using home = await storageDirectory();
  const { layout } = home;
  let nowMs = 0;
  const overhead = new Overhead({
    layout,
    removedBytes: () => 0,
    leftovers: () => [],
    monotonicMs: () => nowMs,
  });

  overhead.prepare();
  nowMs = 200;
  const before = await overhead.bytes();
  await writeFile(join(layout.directory, "foreign"), Buffer.alloc(1_000_000));
  assert.equal(await overhead.bytes(), before);

  nowMs = 300;
  assert.ok((await overhead.bytes()) >= before + 1_000_000);
});

test("overhead that could not be measured once is measured anew for whoever asks next", async () => {
  await using home = await storageDirectory();
  const { layout } = home;
  const overhead = new Overhead({
    layout,
    removedBytes: () => 0,
    leftovers: () => [],
    monotonicMs: () => 0,
  });
  const away = `${layout.blobs}-away`;

  await rename(layout.blobs, away);
  await assert.rejects(overhead.bytes(), { code: "ENOENT" });
  await rename(away, layout.blobs);

  assert.ok((await overhead.bytes()) > 0);
});

test("what is content no more counts as long as it lies there", async () => {
  await using home = await storageDirectory();
  const { layout } = home;
  const left = join(layout.ingest, "left");
  const leftovers = (): string[] => [left];
  const overhead = new Overhead({ layout, removedBytes: () => 0, leftovers, monotonicMs: () => 0 });
  const before = await overhead.bytes();

  await writeFile(left, Buffer.alloc(1_000_000));

  assert.ok((await overhead.bytes()) >= before + 1_000_000);
});
