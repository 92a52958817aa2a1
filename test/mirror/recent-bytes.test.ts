import assert from "node:assert/strict";
import { test } from "node:test";
import { LentMemory } from "../../src/mirror/fills/lent-memory.ts";
import { RecentBytes } from "../../src/mirror/fills/recent-bytes.ts";
import type { Batch } from "../../src/upstream/exchange/batch.ts";

test("the bytes that came last are read from any of them on, across chunks, as many as fit", () => {
  using recent = new RecentBytes(new LentMemory(100));
  recent.put(batchOf(["abc", "de", "fghi"]), 100);

  assert.equal(copied(recent, 100, 20), "abcdefghi");
  assert.equal(copied(recent, 101, 3), "bcd");
  assert.equal(copied(recent, 104, 20), "efghi");
  assert.equal(copied(recent, 108, 1), "i");
});

test("of bytes that came earlier, or have not come yet, nothing is read from memory", () => {
  using recent = new RecentBytes(new LentMemory(100));
  assert.equal(copied(recent, 0, 20), "");

  recent.put(batchOf(["abc"]), 100);

  assert.equal(copied(recent, 99, 20), "");
  assert.equal(copied(recent, 103, 20), "");
});

test("a batch is given back when the next has come, and the last one in the end", () => {
  const first = batchOf(["abc"]);
  const second = batchOf(["de"]);
  {
    using recent = new RecentBytes(new LentMemory(100));
    recent.put(first, 0);
    assert.equal(first.disposed, 0);
    recent.put(second, 3);
    assert.deepEqual([first.disposed, second.disposed], [1, 0]);
    assert.equal(copied(recent, 3, 20), "de");
  }
  assert.deepEqual([first.disposed, second.disposed], [1, 1]);
});

test("what came last is lent as it lies, without a copy, from any of its bytes on", () => {
  using recent = new RecentBytes(new LentMemory(100));
  const batch = batchOf(["abc", "de", "fghi"]);
  recent.put(batch, 100);

  using lent = recent.lend(101, 5);

  assert.equal(textOf(lent), "bcdef");
  assert.equal(lent?.sizeBytes, 5);
  assert.equal(lent?.chunks[1]?.buffer, batch.chunks[1]?.buffer);
  assert.equal(recent.lend(99, 5), null);
  assert.equal(recent.lend(109, 5), null);
});

test("a batch that is lent is given back when the last who borrowed it is done, each once", () => {
  const batch = batchOf(["abc"]);
  using recent = new RecentBytes(new LentMemory(100));
  recent.put(batch, 0);
  const [one, other] = [recent.lend(0, 2), recent.lend(1, 2)];
  recent.put(batchOf(["de"]), 3);

  one?.[Symbol.dispose]();
  one?.[Symbol.dispose]();
  assert.equal(batch.disposed, 0);
  assert.equal(textOf(other), "bc");
  other?.[Symbol.dispose]();

  assert.equal(batch.disposed, 1);
});

test("loans that came back do not give away what still comes last", () => {
  const batch = batchOf(["abc"]);
  using recent = new RecentBytes(new LentMemory(100));
  recent.put(batch, 0);

  recent.lend(0, 3)?.[Symbol.dispose]();

  assert.equal(batch.disposed, 0);
  assert.equal(copied(recent, 0, 3), "abc");
});

test("those who keep what they borrowed hold up no more than there is to lend, of all fills", () => {
  const memory = new LentMemory(8);
  using recent = new RecentBytes(memory);
  using another = new RecentBytes(memory);
  recent.put(batchOf(["abcde"]), 0);
  another.put(batchOf(["fghij"]), 0);
  const [one, same] = [recent.lend(0, 5), recent.lend(2, 1)];

  assert.ok(one && same, "a batch counts once");
  assert.equal(another.lend(0, 5), null);
  assert.equal(copied(another, 0, 5), "fghij");

  one[Symbol.dispose]();
  same[Symbol.dispose]();
  assert.equal(textOf(another.lend(0, 5)), "fghij");
});

function textOf(lent: Batch | null): string {
  return Buffer.concat(lent?.chunks ?? []).toString();
}

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
