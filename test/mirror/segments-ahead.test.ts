import assert from "node:assert/strict";
import { test } from "node:test";
import { LentMemory } from "../../src/mirror/fills/lent-memory.ts";
import { planSegments, type SegmentPlan } from "../../src/mirror/fills/segment-plan.ts";
import { SegmentsAhead, type SegmentsAheadOptions } from "../../src/mirror/fills/segments-ahead.ts";
import type { ByteRange } from "../../src/oci/byte-range.ts";
import { nowhere, PartSender } from "../support/part-sender.ts";

const mebibyte = 1024 * 1024;

test("a blob is cut into segments that are no more than the window, whatever its size", () => {
  for (let connections = 2; connections <= 16; connections++) {
    for (const sizeBytes of [8 * mebibyte, 50_000_001, 2 ** 40]) {
      const plan = planSegments(sizeBytes, connections) ?? assert.fail();

      assert.ok(plan.heldLimit * plan.segmentBytes <= 32 * mebibyte);
      assert.ok(plan.count * plan.segmentBytes >= sizeBytes);
      assert.ok((plan.count - 1) * plan.segmentBytes < sizeBytes);
      assert.ok(plan.count >= connections);
    }
  }
});

test("a small blob is not cut into segments, nor is any for one connection", () => {
  assert.equal(planSegments(8 * mebibyte - 1, 4), null);
  assert.equal(planSegments(2 ** 30, 1), null);
});

test("memory for segments is lent as long as there is some, and again when it is given back", () => {
  const memory = new LentMemory(128 * mebibyte);
  const lent = Array.from({ length: 4 }, () => memory.lend(32 * mebibyte) ?? assert.fail());

  assert.equal(memory.lend(1), null);
  lent[0]?.[Symbol.dispose]();

  assert.ok(memory.lend(32 * mebibyte));
});

test("a fill for which no memory is left asks for nothing ahead until there is some", async () => {
  const memory = new LentMemory(128 * mebibyte);
  const others = memory.lend(128 * mebibyte) ?? assert.fail();
  const asked: ByteRange[] = [];
  using ahead = newAhead({ memory, ask: noteTo(asked) });

  ahead.follow({ positionBytes: 0, hasOwn: true });
  assert.deepEqual(asked, []);
  others[Symbol.dispose]();
  ahead.follow({ positionBytes: 25, hasOwn: true });

  assert.deepEqual(asked, [{ first: 30, last: 39 }]);
});

test("no segment is asked for ahead while there are connections only for what must be asked", () => {
  const asked: ByteRange[] = [];
  let isAmple = false;
  using ahead = newAhead({
    mayAsk: () => isAmple,
    ask: noteTo(asked),
  });

  ahead.follow({ positionBytes: 0, hasOwn: true });
  assert.deepEqual(asked, []);
  isAmple = true;
  ahead.follow({ positionBytes: 1, hasOwn: true });

  assert.equal(asked.length, 1);
});

test("one part is asked for alone; its answer lets the others be asked for, up to the connections there are", async () => {
  const turns: (() => void)[] = [];
  const turn = (): Promise<void> => new Promise((resolve) => void turns.push(resolve));
  const sender = new PartSender({ content: Buffer.alloc(plan.sizeBytes), fates: [], turn });
  let begins = 0;
  using ahead = newAhead({ ask: (range) => sender.send(range), onBegin: () => begins++ });
  ahead.follow({ positionBytes: 0, hasOwn: true });
  assert.equal(sender.asked.length, 1);

  turns.shift()?.();
  await new Promise(setImmediate);

  assert.equal(begins, 1);
  // The fourth is the reader's own.
  assert.equal(sender.running, 3);
});

const plan: SegmentPlan = {
  sizeBytes: 100,
  segmentBytes: 10,
  count: 10,
  connections: 4,
  heldLimit: 8,
};

function noteTo(asked: ByteRange[]): SegmentsAheadOptions["ask"] {
  return async (range) => {
    asked.push(range);
    return null;
  };
}

function newAhead(options: Partial<SegmentsAheadOptions>): SegmentsAhead {
  return new SegmentsAhead({
    plan,
    whence: nowhere,
    memory: new LentMemory(128 * mebibyte),
    mayAsk: () => true,
    ask: async () => null,
    onBegin: () => {},
    onStop: () => {},
    ...options,
  });
}
