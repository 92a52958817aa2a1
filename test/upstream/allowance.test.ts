import assert from "node:assert/strict";
import { test } from "node:test";
import { Allowance } from "../../src/upstream/accounts/allowance.ts";

const minute = 60_000;
const windowMs = 360 * minute;

/** An allowance of 100, with a clock that moves when told. */
function allowance(): { of: Allowance; tell: (remaining: number, afterMinutes?: number) => void } {
  let nowMs = 1_000_000;
  const of = new Allowance(() => nowMs);
  const tell = (remaining: number, afterMinutes = 0): void => {
    nowMs += afterMinutes * minute;
    if (!Number.isNaN(remaining)) of.note({ limit: 100, remaining, windowMs, source: null });
  };
  return { of, tell };
}

test("an allowance is unlimited until something is said, and again when the window is over", () => {
  const { of, tell } = allowance();
  assert.equal(of.state, "unlimited");
  tell(5);
  tell(Number.NaN, 359);
  assert.equal(of.state, "low");
  tell(Number.NaN, 1);
  assert.equal(of.state, "unlimited");
  assert.equal(of.told, null);
});

test("an allowance is low below a tenth, empty at nothing, and fine again only at a fifth", () => {
  const { of, tell } = allowance();
  const states = [100, 10, 9, 10, 19, 20, 19, 10, 9, 0, 1, 100].map((remaining) => {
    tell(remaining);
    return of.state;
  });

  assert.deepEqual(states.join(" "), "fine fine low low low fine fine fine low empty low fine");
});

test("an allowance foresees its end from what was used, however often it is told", () => {
  const { of, tell } = allowance();
  tell(100);
  for (let pull = 1; pull <= 600; pull++) tell(100 - Math.floor(pull / 10), 0.1);

  assert.equal(of.told?.remaining, 40);
  assert.equal(of.emptyInMs, 40 * minute);
});

test("pulls that come back to an allowance between two pulls are not taken for used ones, however close the two are", () => {
  const { of, tell } = allowance();
  tell(100);
  tell(80, 10);
  tell(90, 0.1);
  tell(80, 9.9);

  // 20, and then 10, in 20 minutes: 80 more would take 53.
  assert.equal(Math.round((of.emptyInMs ?? 0) / minute), 53);
});
