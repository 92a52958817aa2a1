import type { ReportedCurve } from "../curve-report.ts";
import { figure } from "./names.ts";
import { shape, svg, text } from "./svg.ts";

const [width, left, plotWidth, plotHeight, top] = [720, 56, 380, 260, 40];
const bottom = top + plotHeight;

/**
 * How things have grown since there was least of what there is more and more of, both axes logarithmic: a straight line is
 * a power, and its slope is the exponent. Beside them is what n log n would be.
 */
export function growthChart(title: string, curves: readonly ReportedCurve[]): string {
  const grown = curves.flatMap(growthOf);
  const ats = [...new Set(grown.flatMap(({ points }) => points.map(({ at }) => at)))];
  const [least, most] = [Math.min(...ats), Math.max(...ats)];
  const plot = new Plot(ats, grown);
  // Of one more, for of one client the logarithm is nothing.
  const nLogN = (at: number): number => (at * Math.log(at + 1)) / (least * Math.log(least + 1));
  const bound = Array.from({ length: 101 }, (_, step) => {
    const at = least * (most / least) ** (step / 100);
    return { at, times: nLogN(at) };
  }).filter((point) => plot.holds(point));
  return svg({
    width,
    height: Math.max(bottom + 44, top + 26 + grown.length * 40),
    title,
    description: curves.map(description).join(" "),
    content: [
      ...plot.axes(ats, curves[0]?.over ?? ""),
      shape("path", { d: plot.path(bound), class: "bound" }),
      ...bound.slice(-1).map((point) => plot.label(point, "n log n")),
      ...grown.flatMap(({ points }, nth) => [
        shape("path", { d: plot.path(points), class: `line c${nth % 5}` }),
      ]),
      ...grown.flatMap(legend),
    ],
  });
}

interface Grown {
  readonly curve: ReportedCurve;
  readonly points: readonly GrownPoint[];
}

interface GrownPoint {
  readonly at: number;
  /** What there was with the fewest. */
  readonly times: number;
}

function growthOf(curve: ReportedCurve): readonly Grown[] {
  const [first] = curve.points;
  if (first === undefined) return [];
  const points = curve.points.map(({ at, median }) => ({ at, times: median / first.median }));
  return [{ curve, points }];
}

/** Powers of ten that hold all points: a tenth and ten at least, so that what is flat looks flat. */
class Plot {
  readonly #least: number;
  readonly #most: number;
  readonly #leastTimes: number;
  readonly #mostTimes: number;

  constructor(ats: readonly number[], grown: readonly Grown[]) {
    [this.#least, this.#most] = [Math.min(...ats), Math.max(...ats)];
    const times = grown.flatMap(({ points }) => points.map((point) => point.times));
    this.#leastTimes = 10 ** Math.floor(Math.log10(Math.min(0.1, ...times)));
    this.#mostTimes = 10 ** Math.ceil(Math.log10(Math.max(10, ...times)));
  }

  holds({ times }: GrownPoint): boolean {
    return times <= this.#mostTimes;
  }

  path(points: Grown["points"]): string {
    return points
      .map(({ at, times }, nth) => `${nth === 0 ? "M" : "L"}${this.#x(at)} ${this.#y(times)}`)
      .join("");
  }

  label({ at, times }: GrownPoint, words: string): string {
    return text(
      { x: Number(this.#x(at)) + 6, y: Number(this.#y(times)) + 14, class: "quiet" },
      words,
    );
  }

  axes(ats: readonly number[], over: string): readonly string[] {
    const powers = Array.from(
      { length: Math.round(Math.log10(this.#mostTimes / this.#leastTimes)) + 1 },
      (_, nth) => this.#leastTimes * 10 ** nth,
    );
    return [
      ...powers.flatMap((times) => [
        shape("path", { d: `M${left} ${this.#y(times)}h${plotWidth}`, class: "axis" }),
        text(
          { x: left - 8, y: Number(this.#y(times)) + 4, class: "quiet end" },
          `${times.toLocaleString("en")} ×`,
        ),
      ]),
      ...ats.map((at) =>
        text({ x: Number(this.#x(at)), y: bottom + 18, class: "quiet middle" }, figure(at, 0)),
      ),
      text({ x: left + plotWidth / 2, y: bottom + 36, class: "quiet middle" }, over),
    ];
  }

  #x(at: number): string {
    const share = Math.log(at / this.#least) / Math.log(this.#most / this.#least);
    return (left + share * plotWidth).toFixed(1);
  }

  #y(times: number): string {
    const share = Math.log(times / this.#leastTimes) / Math.log(this.#mostTimes / this.#leastTimes);
    return (bottom - share * plotHeight).toFixed(1);
  }
}

function legend({ curve }: Grown, nth: number): readonly string[] {
  const [x, y] = [left + plotWidth + 24, top + 20 + nth * 40];
  const { unit, decimals, exponent } = curve;
  const [first, last] = [curve.points[0], curve.points.at(-1)];
  const ends = [first, last].map((point) => figure(point?.median ?? 0, decimals)).join(" → ");
  return [
    shape("path", { d: `M${x} ${y - 4}h16`, class: `line c${nth % 5}` }),
    text({ x: x + 24, y }, curve.label),
    text(
      { x: x + 24, y: y + 16, class: "quiet" },
      `${ends} ${unit}, n^${figure(exponent ?? 0, 2)}`,
    ),
  ];
}

function description({ label, unit, decimals, over, points, exponent }: ReportedCurve): string {
  const told = points.map(
    ({ at, median }) => `${figure(median, decimals)} ${unit} with ${figure(at, 0)} ${over}`,
  );
  return `${label}: ${told.join(", ")}; the exponent is ${figure(exponent ?? 0, 2)}.`;
}
