import assert from "node:assert/strict";
import { test } from "node:test";
import { reportCurve } from "../../bench/support/curve-report.ts";
import type { Curve } from "../../bench/support/question.ts";
import { Scoreboard } from "../../bench/support/scoreboard.ts";
import { fittedExponent } from "../../bench/support/statistics.ts";

const curve: Curve = {
  label: "memory",
  unit: "MiB",
  decimals: 0,
  over: "clients",
  mostExponent: 1.1,
};

test("the exponent that a curve grows with is found, also of points around it", () => {
  const of = (power: (x: number) => number): number | null =>
    fittedExponent([10, 100, 1_000, 10_000].map((x) => [x, power(x)]));

  assert.equal(of((x) => 7 * x ** 2)?.toFixed(6), "2.000000");
  assert.equal(of(() => 7)?.toFixed(6), "0.000000");
  assert.equal(of((x) => x ** -0.5)?.toFixed(6), "-0.500000");
  // A tenth too high and too low in turn: over three decades that is next to nothing.
  assert.equal(of((x) => x * (Math.log10(x) % 2 === 0 ? 1.1 : 0.9))?.toFixed(2), "1.02");
  assert.equal(fittedExponent([[10, 1]]), null);
});

test("a curve is of the medians, in order, and worse than its bound when its exponent is larger", () => {
  const board = new Scoreboard();
  for (const [at, value] of [
    [100, 10_000],
    [10, 90],
    [10, 100],
    [10, 5_000],
  ] as const)
    board.addPoint("memory", at, value);

  const quadratic = reportCurve(curve, board);
  assert.deepEqual(
    quadratic.points.map(({ at, median }) => [at, median]),
    [
      [10, 100],
      [100, 10_000],
    ],
  );
  assert.equal(quadratic.exponent?.toFixed(6), "2.000000");
  assert.equal(quadratic.met, false);
  assert.equal(reportCurve({ ...curve, mostExponent: 2.1 }, board).met, true);
  assert.equal(reportCurve({ ...curve, label: "never seen" }, board).met, null);
});
