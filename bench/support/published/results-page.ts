import type { ReportedCurve } from "../curve-report.ts";
import { hardwareOf, softwareOf } from "../machine.ts";
import type { ReportedRow, Verdict } from "../report.ts";
import type { Results } from "../results-file.ts";
import type { Answer } from "../run-questions.ts";
import { figure, nameOf } from "./names.ts";

export interface PageSources {
  readonly results: Results;
  /** What each question asks, by its name. */
  readonly questions: ReadonlyMap<string, string>;
  /** Why a row or a curve falls short, by its label. */
  readonly reasons: Readonly<Record<string, string>>;
  /** Files of charts. */
  readonly charts: readonly string[];
}

/** What there is to write about reasons: which rows and curves lack theirs, and which reasons stand beside none that falls short. */
export function openReasons({
  results: { answers },
  reasons,
}: Pick<PageSources, "results" | "reasons">): {
  readonly missing: readonly string[];
  readonly stale: readonly string[];
} {
  const goals = answers.flatMap(goalsOf);
  const short = new Set(goals.filter(({ met }) => met === false).map(({ label }) => label));
  // Of what was not asked, or could not be measured, nothing is known.
  const met = new Set(goals.filter((goal) => goal.met === true).map(({ label }) => label));
  return {
    missing: [...short].filter((label) => reasons[label] === undefined),
    stale: Object.keys(reasons).filter((label) => met.has(label) && !short.has(label)),
  };
}

/** `bench/RESULTS.md`. */
export function resultsPage({ results, questions, reasons, charts }: PageSources): string {
  const { answers } = results;
  return [
    "# Results",
    "<!-- Written by npm run bench:publish from results/published.json: what is changed here is lost. -->",
    introduction(results),
    summary(answers, reasons),
    charts.map((file) => `![${file.replace(".svg", "")}](charts/${file})`).join("\n\n"),
    ...answers.map((answer) => section(answer, questions.get(answer.name) ?? "")),
  ]
    .filter((part) => part !== "")
    .join("\n\n")
    .concat("\n");
}

function introduction({ startedAt, machine, size }: Results): string {
  const absent = size.peers === "targeted" ? " Peers that no target names did not play." : "";
  const coarse =
    size.name === "quick"
      ? `\n\n**A quick run: small blobs and few rounds. Its figures are coarse.**${absent}`
      : "";
  return `Measured on ${startedAt.slice(0, 10)} with \`npm run bench${size.name === "quick" ? " -- --quick" : ""}\`.

- ${hardwareOf(machine)}
- ${softwareOf(machine)}

All run on this one machine and talk over loopback: clients, mirrors and the registry share its cores. Machines differ, and
one machine differs from minute to minute, so contestants take turns and **a ratio, the median of those of each round, says
more than a figure**. A figure is a median, with the least and the most behind it; a ratio is sluice to that peer. What was
found on the way is in [NOTES.md](NOTES.md); \`npm run bench\` measures your machine.${coarse}`;
}

interface Goal {
  readonly label: string;
  readonly text: string;
  readonly met: boolean | null;
}

function summary(answers: readonly Answer[], reasons: PageSources["reasons"]): string {
  const goals = answers.flatMap(goalsOf);
  const missed = goals.filter(({ met }) => met === false);
  const unknown = goals.filter(({ met }) => met === null);
  const lines = missed.map(
    ({ label, text }) => `- **${label}**: ${text}. ${reasons[label] ?? "Why is not known yet."}`,
  );
  const met = goals.length - missed.length - unknown.length;
  const unmeasured = unknown.length > 0 ? `, ${unknown.length} could not be measured` : "";
  const told = `${met} of ${goals.length} targets are met${unmeasured}.`;
  if (missed.length === 0) return `## Targets\n\n${told}`;
  return `## Targets\n\n${told} Short of theirs fall:\n\n${lines.join("\n")}`;
}

function goalsOf({ rows, curves }: Answer): Goal[] {
  return [
    ...rows.flatMap((row) => row.verdicts.map((verdict) => goalOf(row, verdict))),
    ...curves.map(goalOfCurve),
  ];
}

function section({ name, rows, curves, notes }: Answer, question: string): string {
  const parts = [
    `## ${name}`,
    question,
    rows.length > 0 ? rowsTable(rows) : "",
    ...[...new Set(curves.map(({ over }) => over))].map((over) =>
      curvesTable(curves.filter((curve) => curve.over === over)),
    ),
    notes.map((note) => `- ! ${note}`).join("\n"),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function rowsTable(rows: readonly ReportedRow[]): string {
  const names = [...new Set(rows.flatMap((row) => row.contestants))].filter((name) =>
    rows.some((row) => row.results[name] !== undefined || isMainPeer(name)),
  );
  const header = ["", "", ...names.map(nameOf), "must be"];
  const lines = rows.map((row) => [
    row.label,
    row.unit,
    ...names.map((name) => cell(row, name)),
    row.verdicts.map((verdict) => goalOf(row, verdict).text).join("<br>"),
  ]);
  return markdownTable([header, ...lines]);
}

// They have a column also where they are not installed, or do nothing of the kind.
function isMainPeer(name: string): boolean {
  return name === "registry" || name === "nginx";
}

function cell(row: ReportedRow, name: string): string {
  const result = row.results[name];
  if (result === undefined) return "";
  const round = (value: number): string => figure(value, row.decimals);
  const range = result.samples.length > 1 && `<sub>${round(result.min)}–${round(result.max)}</sub>`;
  const spread = [round(result.median), range].filter(Boolean).join(" ");
  const ratio = row.ratios[name];
  return ratio === undefined ? spread : `${spread}<br>${ratio.toPrecision(3)} ×`;
}

function goalOf(row: ReportedRow, { of, kind, value, reached, met }: Verdict): Goal {
  const sign = kind === "at least" ? "≥" : "≤";
  const isRatio = of !== "sluice";
  const bound = isRatio ? `${sign} ${value} × ${nameOf(of)}` : `${sign} ${value} ${row.unit}`;
  const is =
    reached === null ? "" : isRatio ? reached.toPrecision(3) : figure(reached, row.decimals);
  return { label: row.label, text: `${bound}${told(is, met)}`, met };
}

function goalOfCurve({ label, mostExponent, exponent, met }: ReportedCurve): Goal {
  const is = exponent === null ? "" : exponent.toFixed(2);
  return { label, text: `exponent ≤ ${mostExponent}${told(is, met)}`, met };
}

function told(is: string, met: boolean | null): string {
  if (met === null) return "";
  return met ? `: ${is} ✓` : `: ${is} ✗`;
}

function curvesTable(curves: readonly ReportedCurve[]): string {
  const ats = [...new Set(curves.flatMap(({ points }) => points.map(({ at }) => at)))];
  const header = [`with ${curves[0]?.over}`, "", ...ats.map((at) => figure(at, 0)), "must be"];
  const lines = curves.map((curve) => [
    curve.label,
    curve.unit,
    ...ats.map((at) => {
      const point = curve.points.find((each) => each.at === at);
      return point === undefined ? "" : figure(point.median, curve.decimals);
    }),
    goalOfCurve(curve).text,
  ]);
  return markdownTable([header, ...lines]);
}

function markdownTable([header = [], ...lines]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rule = header.map((_, column) => (column < 2 ? "---" : "---:"));
  return [line(header), line(rule), ...lines.map(line)].join("\n");
}
