import assert from "node:assert/strict";
import { test } from "node:test";
import { BufferBudget, type LentBuffers } from "../../src/server/buffer-budget.ts";

const kib = 1024;
const limitBytes = 32 * 1024 * kib;
const all = Number.POSITIVE_INFINITY;

test("the more bodies there are, the smaller buffers the next of them gets, within bounds", () => {
  const budget = new BufferBudget(limitBytes);
  const sizes: number[] = [];
  const counts: number[] = [];
  using lent = new DisposableStack();

  for (let body = 0; body < 3000; body++) {
    const { buffers } = lent.use(budget.lend(all));
    assert.equal(new Set(buffers.map(({ buffer }) => buffer)).size, buffers.length);
    counts.push(buffers.length);
    sizes.push(totalOf({ buffers }));
  }

  assert.deepEqual([counts[0], sizes[0]], [2, 2048 * kib]);
  assert.deepEqual([counts.at(-1), sizes.at(-1)], [1, 128 * kib]);
  const falling = (one: number, other: number): number => other - one;
  assert.deepEqual(sizes, sizes.toSorted(falling));
  assert.deepEqual(counts, counts.toSorted(falling));
  for (const size of sizes) assert.ok(Number.isInteger(Math.log2(size / kib)));
});

test("the buffers of a hundred bodies take no more than twice the budget", () => {
  const budget = new BufferBudget(limitBytes);
  using lent = new DisposableStack();
  let lentBytes = 0;

  for (let body = 0; body < 100; body++) lentBytes += totalOf(lent.use(budget.lend(all)));

  assert.ok(lentBytes <= limitBytes * 2, `${lentBytes} bytes`);
});

const wanted: readonly (readonly [wantedBytes: number, ...sizes: number[]])[] = [
  [0, 32 * kib],
  [1, 32 * kib],
  [32 * kib, 32 * kib],
  [32 * kib + 1, 64 * kib],
  [100 * kib, 128 * kib],
  [256 * kib, 256 * kib],
  [512 * kib, 512 * kib],
  [512 * kib + 1, 1024 * kib],
  [1024 * kib + 1, 1024 * kib, 1024 * kib],
  [all, 1024 * kib, 1024 * kib],
];

for (const [wantedBytes, ...sizes] of wanted) {
  test(`a body of ${wantedBytes} bytes alone gets buffers of ${sizes.join(" and ")}`, () => {
    using lent = new BufferBudget(limitBytes).lend(wantedBytes);

    assert.deepEqual(
      lent.buffers.map(({ length }) => length),
      sizes,
    );
  });
}

test("a body that needs no buffers takes none", () => {
  const budget = new BufferBudget(limitBytes);
  const before = budget.lend(all);
  const [buffer] = before.buffers;
  before[Symbol.dispose]();

  using _borrows = budget.lend(all);
  using reads = budget.lend(all);

  assert.ok(reads.buffers.includes(buffer));
});

test("a buffer that is given back is lent again, to one body at a time", () => {
  const budget = new BufferBudget(limitBytes);
  const first = budget.lend(all);
  const [buffer] = first.buffers;
  first[Symbol.dispose]();

  using second = budget.lend(all);
  using third = budget.lend(all);

  assert.ok(second.buffers.includes(buffer));
  assert.ok(!third.buffers.includes(buffer));
});

test("buffers that are given back count no more: the next body gets large ones again", () => {
  const budget = new BufferBudget(limitBytes);
  {
    using pairs = new DisposableStack();
    for (let body = 0; body < 1000; body++) totalOf(pairs.use(budget.lend(all)));
  }

  using lent = budget.lend(all);

  assert.equal(totalOf(lent), 2048 * kib);
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

function totalOf({ buffers }: Pick<LentBuffers, "buffers">): number {
  return buffers.reduce((sum, { length }) => sum + length, 0);
}
