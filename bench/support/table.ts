import type { ReportedRow, Verdict } from "./report.ts";

/** The rows as one table, a line for each contestant: median, spread, what sluice is beside it. */
export function table(rows: readonly ReportedRow[]): string {
  const header = ["", "", "", "median", "min–max", "sluice is", "and must be"];
  return align([header, ...rows.flatMap(linesOf)]);
}

type Line = readonly string[];

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
