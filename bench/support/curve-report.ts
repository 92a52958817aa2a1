import type { Curve } from "./question.ts";
import type { Scoreboard } from "./scoreboard.ts";
import { fittedExponent, type Summary, summarize } from "./statistics.ts";

/** A curve with all that is printed and stored of it. */
export interface ReportedCurve extends Curve {
  readonly points: readonly Point[];
  /** Of the medians; null when there were too few. */
  readonly exponent: number | null;
  readonly met: boolean | null;
}

export interface Point extends Summary {
  readonly at: number;
}

export function reportCurve(curve: Curve, board: Scoreboard): ReportedCurve {
  const points = [...board.points(curve.label)]
    .flatMap(([at, samples]) => {
      const summary = summarize(samples);
      return summary === null ? [] : [{ at, ...summary }];
    })
    .toSorted((a, b) => a.at - b.at);
  const exponent = fittedExponent(points.map(({ at, median }) => [at, median]));
  return {
    ...curve,
    points,
    exponent,
    met: exponent === null ? null : exponent <= curve.mostExponent,
  };
}
