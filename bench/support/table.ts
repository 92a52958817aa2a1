import type { ReportedCurve } from "./curve-report.ts";
import type { ReportedRow, Verdict } from "./report.ts";

/** The rows as one table, a line for each contestant: median, spread, what sluice is beside it. */
export function table(rows: readonly ReportedRow[]): string {
  const header = ["", "", "", "median", "min–max", "sluice is", "and must be"];
  return align([header, ...rows.flatMap(linesOf)]);
}

/** How things grow, a line for each curve: its points, its exponent. Empty without curves. */
export function curveTable(curves: readonly ReportedCurve[]): string {
  return [...new Set(curves.map(({ over }) => over))]
    .map((over) => {
      const ofIt = curves.filter((curve) => curve.over === over);
      const ats = [...new Set(ofIt.flatMap(({ points }) => points.map(({ at }) => at)))];
      const header = [`with ${over}`, "", ...ats.map((at) => at.toLocaleString("en")), "exponent"];
      return align([[...header, "and must be"], ...ofIt.map((curve) => curveLine(curve, ats))]);
    })
    .join("\n\n");
}

type Line = readonly string[];

function curveLine(curve: ReportedCurve, ats: readonly number[]): Line {
  const medians = ats.map((at) => curve.points.find((point) => point.at === at)?.median);
  const bound = { of: "sluice", kind: "at most", value: curve.mostExponent } as const;
  return [
    curve.label,
    curve.unit,
    ...medians.map((median) => median?.toFixed(curve.decimals) ?? "–"),
    curve.exponent?.toFixed(2) ?? "–",
    formatVerdict({ ...bound, reached: curve.exponent, met: curve.met }),
  ];
}

function linesOf(row: ReportedRow): readonly Line[] {
  return row.contestants.map((name, at) => {
    const result = row.results[name];
    const ratio = row.ratios[name];
    const round = (value: number): string => value.toFixed(row.decimals);
    return [
      at === 0 ? row.label : "",
      at === 0 ? row.unit : "",
      name,
      result === undefined ? "–" : round(result.median),
      result === undefined ? "" : `${round(result.min)}–${round(result.max)}`,
      ratio === undefined ? "" : `${ratio.toPrecision(3)} ×`,
      row.verdicts
        .filter((verdict) => verdict.of === name)
        .map(formatVerdict)
        .join(", "),
    ];
  });
}

function formatVerdict({ kind, value, met }: Verdict): string {
  const bound = `${kind === "at least" ? "≥" : "≤"} ${value}`;
  if (met === null) return bound;
  return `${bound} ${met ? "✓" : "✗"}`;
}

function align(lines: readonly Line[]): string {
  const columns = lines[0]?.map((_, column) => lines.map((line) => line[column] ?? "")) ?? [];
  const widths = columns.map((cells) => Math.max(...cells.map((cell) => cell.length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
