import assert from "node:assert/strict";
import { test } from "node:test";
import { RecentBytes } from "../../src/mirror/fills/recent-bytes.ts";
import type { Batch } from "../../src/upstream/exchange/batch.ts";

test("the bytes that came last are read from any of them on, across chunks, as many as fit", () => {
  using recent = new RecentBytes();
  recent.put(batchOf(["abc", "de", "fghi"]), 100);

  assert.equal(copied(recent, 100, 20), "abcdefghi");
  assert.equal(copied(recent, 101, 3), "bcd");
  assert.equal(copied(recent, 104, 20), "efghi");
  assert.equal(copied(recent, 108, 1), "i");
});

test("of bytes that came earlier, or have not come yet, nothing is read from memory", () => {
  using recent = new RecentBytes();
  assert.equal(copied(recent, 0, 20), "");

  recent.put(batchOf(["abc"]), 100);

  assert.equal(copied(recent, 99, 20), "");
  assert.equal(copied(recent, 103, 20), "");
});

test("a batch is given back when the next has come, and the last one in the end", () => {
  const first = batchOf(["abc"]);
  const second = batchOf(["de"]);
  {
    using recent = new RecentBytes();
    recent.put(first, 0);
    assert.equal(first.disposed, 0);
    recent.put(second, 3);
    assert.deepEqual([first.disposed, second.disposed], [1, 0]);
    assert.equal(copied(recent, 3, 20), "de");
  }
  assert.deepEqual([first.disposed, second.disposed], [1, 1]);
});

function copied(recent: RecentBytes, positionBytes: number, mostBytes: number): string {
  const target = Buffer.alloc(mostBytes);
  return target.subarray(0, recent.copy(target, positionBytes)).toString();
}

function batchOf(texts: readonly string[]): Batch & { disposed: number } {
  const chunks = texts.map((text) => Buffer.from(text));
  const sizeBytes = texts.join("").length;
  return {
    chunks,
    sizeBytes,
    disposed: 0,
    [Symbol.dispose]() {
      this.disposed++;
    },
  };
}
