import assert from "node:assert/strict";
import { test } from "node:test";
import { RetryBudget } from "../../src/upstream/endpoints/retry-budget.ts";

test("ten retries are there from the start, and then none", () => {
  const { budget } = newBudget();

  assert.equal(takeAll(budget), 10);
  assert.equal(budget.take(), false);
});

test("ten requests earn a retry", () => {
  const { budget } = newBudget();
  takeAll(budget);

  for (let request = 0; request < 9; request++) budget.earn();
  assert.equal(budget.take(), false);
  budget.earn();
  assert.equal(budget.take(), true);
  assert.equal(budget.take(), false);
});

test("two seconds earn a retry", () => {
  const { budget, clock } = newBudget();
  takeAll(budget);

  clock.nowMs += 1_999;
  assert.equal(budget.take(), false);
  clock.nowMs += 1;
  assert.equal(budget.take(), true);
});

test("neither time nor requests save up more than ten", () => {
  const { budget, clock } = newBudget();

  clock.nowMs += 3_600_000;
  for (let request = 0; request < 1000; request++) budget.earn();

  assert.equal(takeAll(budget), 10);
});

test("a thousand requests that all fail are retried a hundred times, and ten", () => {
  const { budget } = newBudget();
  let retries = 0;

  for (let request = 0; request < 1000; request++) {
    budget.earn();
    retries += takeAll(budget);
  }

  assert.ok(retries > 100 && retries <= 110, String(retries));
});

function newBudget(): { budget: RetryBudget; clock: { nowMs: number } } {
  const clock = { nowMs: 1_000_000 };
  return { budget: new RetryBudget(() => clock.nowMs), clock };
}

function takeAll(budget: RetryBudget): number {
  let taken = 0;
  while (budget.take()) taken++;
  return taken;
}
