import type { ReportedRow } from "../report.ts";
import type { Summary } from "../statistics.ts";
import { figure, nameOf } from "./names.ts";
import { shape, svg, text } from "./svg.ts";

export interface BarChart {
  readonly title: string;
  /** All of one unit. */
  readonly rows: readonly ReportedRow[];
  readonly better: "more" | "less";
}

const [width, namesWidth, valuesWidth] = [720, 130, 90];
const [barHeight, barGap, rowGap, top] = [18, 6, 34, 44];

/** For each row a bar for each contestant: the median, with a line from the least to the most of all rounds. */
export function barChart({ title, rows, better }: BarChart): string {
  const most = Math.max(...rows.flatMap((row) => Object.values(row.results).map(({ max }) => max)));
  const scale = (value: number): number =>
    (Math.max(0, value) / most) * (width - namesWidth - valuesWidth);
  const content: string[] = [];
  let y = top;
  for (const row of rows) {
    content.push(text({ x: 0, y: y + 4, class: "quiet" }, row.label));
    y += barGap + barHeight / 2;
    for (const [name, result] of resultsOf(row)) {
      content.push(...bar({ name, result, row, y }, scale));
      y += barHeight + barGap;
    }
    y += rowGap - barGap - barHeight / 2;
  }
  return svg({
    width,
    height: y - rowGap / 2,
    title: `${title}: ${rows[0]?.unit}, ${better} is better`,
    description: rows.map(description).join(" "),
    content,
  });
}

function resultsOf(row: ReportedRow): readonly (readonly [string, Summary])[] {
  return row.contestants.flatMap((name) => {
    const result = row.results[name];
    return result === undefined ? [] : [[name, result] as const];
  });
}

interface Bar {
  readonly name: string;
  readonly result: Summary;
  readonly row: ReportedRow;
  readonly y: number;
}

function bar({ name, result, row, y }: Bar, scale: (value: number) => number): readonly string[] {
  const [middle, x] = [y + barHeight / 2, namesWidth];
  const [from, to] = [x + scale(result.min), x + scale(result.max)];
  const isOurs = name === "sluice";
  return [
    text({ x: x - 8, y: middle + 4, class: "end" }, nameOf(name)),
    shape("rect", {
      ...{ x, y, height: barHeight, rx: 2, class: isOurs ? "ours" : "theirs" },
      // What is next to nothing is there all the same.
      width: Math.max(1, scale(result.median)),
    }),
    shape("path", { d: `M${from.toFixed(1)} ${middle}H${to.toFixed(1)}`, class: "spread" }),
    text({ x: to + 8, y: middle + 4 }, figure(result.median, row.decimals)),
  ];
}

function description(row: ReportedRow): string {
  const medians = resultsOf(row).map(
    ([name, { median }]) => `${nameOf(name)} ${figure(median, row.decimals)} ${row.unit}`,
  );
  return `${row.label}: ${medians.join(", ")}.`;
}
