import assert from "node:assert/strict";
import { test } from "node:test";
import { questions } from "../../bench/questions.ts";
import { Countdown, durations, secondsOf } from "../../bench/support/durations.ts";

const names = questions.map(({ name }) => name);

test("how long each question takes is known, and all of them take no longer than the documents say", () => {
  assert.deepEqual(Object.keys(durations), names);
  assert.ok(secondsOf(names, "full") <= 30 * 60);
  assert.ok(secondsOf(names, "quick") < 2 * 60);
});

test("the time that is left of a run goes by how long its first questions took", () => {
  const countdown = new Countdown(names, "full");
  const expected = countdown.leftSeconds;
  countdown.note(2 * secondsOf(names.slice(0, 1), "full"));

  const left = countdown.leftSeconds;
  for (const _ of names.slice(1)) countdown.note(1);

  assert.equal(expected, secondsOf(names, "full"));
  assert.equal(left, 2 * secondsOf(names.slice(1), "full"));
  assert.equal(countdown.leftSeconds, 0);
});
