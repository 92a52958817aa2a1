import assert from "node:assert/strict";
import { test } from "node:test";
import { BufferBudget, type BufferPair } from "../../src/server/buffer-budget.ts";

const kib = 1024;
const limitBytes = 32 * 1024 * kib;
const all = Number.POSITIVE_INFINITY;

test("the more bodies there are, the smaller the buffers of the next, within bounds", () => {
  const budget = new BufferBudget(limitBytes);
  const sizes: number[] = [];
  using pairs = new DisposableStack();

  for (let body = 0; body < 3000; body++) {
    const { buffers } = pairs.use(budget.lend(all));
    assert.equal(buffers[0].length, buffers[1].length);
    assert.notEqual(buffers[0].buffer, buffers[1].buffer);
    sizes.push(buffers[0].length);
  }

  assert.equal(sizes[0], 512 * kib);
  assert.equal(sizes.at(-1), 32 * kib);
  assert.deepEqual(
    sizes,
    sizes.toSorted((one, other) => other - one),
  );
  for (const size of sizes) assert.ok(Number.isInteger(Math.log2(size / kib)));
});

test("a hundred bodies take no more than the budget's small multiple", () => {
  const budget = new BufferBudget(limitBytes);
  using pairs = new DisposableStack();
  let lentBytes = 0;

  for (let body = 0; body < 100; body++) lentBytes += sizeOf(pairs.use(budget.lend(all))) * 2;

  assert.ok(lentBytes <= limitBytes * 2, `${lentBytes} bytes`);
});

const wanted: readonly (readonly [wantedBytes: number, sizeBytes: number])[] = [
  [0, 32 * kib],
  [1, 32 * kib],
  [32 * kib, 32 * kib],
  [32 * kib + 1, 64 * kib],
  [100 * kib, 128 * kib],
  [256 * kib, 256 * kib],
  [512 * kib, 512 * kib],
  [all, 512 * kib],
];

for (const [wantedBytes, sizeBytes] of wanted) {
  test(`a body of ${wantedBytes} bytes alone gets buffers of ${sizeBytes}`, () => {
    using pair = new BufferBudget(limitBytes).lend(wantedBytes);

    assert.equal(sizeOf(pair), sizeBytes);
  });
}

test("what is given back is lent again, to one body at a time", () => {
  const budget = new BufferBudget(limitBytes);
  const first = budget.lend(all);
  const [buffer] = first.buffers;
  first[Symbol.dispose]();

  using second = budget.lend(all);
  using third = budget.lend(all);

  assert.equal(second.buffers[0], buffer);
  assert.ok(!third.buffers.includes(buffer));
});

test("what is given back counts no more: the next body gets large buffers again", () => {
  const budget = new BufferBudget(limitBytes);
  {
    using pairs = new DisposableStack();
    for (let body = 0; body < 1000; body++) pairs.use(budget.lend(all));
  }

  using pair = budget.lend(all);

  assert.equal(sizeOf(pair), 512 * kib);
});

test("of many buffers that come back only a part is kept", () => {
  const budget = new BufferBudget(limitBytes);
  const pairs = Array.from({ length: 3000 }, () => budget.lend(1));
  const before = new Set(pairs.flatMap(({ buffers }) => buffers));
  for (const pair of pairs) pair[Symbol.dispose]();

  const again = Array.from({ length: 3000 }, () => budget.lend(1));
  const keptBytes = again
    .flatMap(({ buffers }) => buffers)
    .filter((buffer) => before.has(buffer))
    .reduce((sum, buffer) => sum + buffer.length, 0);

  assert.ok(keptBytes > 0);
  assert.ok(keptBytes <= limitBytes / 4 + 2 * 32 * kib, `${keptBytes} bytes`);
});

function sizeOf({ buffers }: BufferPair): number {
  return buffers[0].length;
}
