import type { ReportedRow } from "../report.ts";
import type { Results } from "../results-file.ts";
import { type BarChart, barChart } from "./bar-chart.ts";
import { growthChart } from "./growth-chart.ts";

interface BarsOf extends Omit<BarChart, "rows"> {
  readonly file: string;
  readonly labels: readonly string[];
}

const bars: readonly BarsOf[] = [
  {
    file: "warm-blob.svg",
    title: "A blob that is here",
    labels: ["warm blob, 1 client", "warm blob, 8 clients"],
    better: "more",
  },
  {
    file: "warm-tls.svg",
    title: "The same over TLS 1.3",
    labels: ["warm blob, TLS, HTTP/1.1", "warm blob, TLS, HTTP/2"],
    better: "more",
  },
  {
    file: "cpu.svg",
    title: "CPU time for it",
    labels: ["CPU of 1 client", "CPU of 8 clients"],
    better: "less",
  },
  {
    file: "warm-manifest.svg",
    title: "A manifest that is here",
    labels: ["warm manifest by tag", "warm manifest by digest"],
    better: "more",
  },
  {
    file: "cold-blob.svg",
    title: "A blob that nobody has pulled before",
    labels: ["cold blob, 1 client"],
    better: "more",
  },
  {
    file: "long-line.svg",
    title: "The same over a long line",
    labels: ["cold blob over 1 Gbit/s, 20 ms"],
    better: "less",
  },
  {
    file: "skopeo.svg",
    title: "A real client",
    labels: ["skopeo copies 40 layers"],
    better: "less",
  },
  {
    file: "origin-sent.svg",
    title: "What is asked of the registry",
    labels: ["origin sent", "20 clients: origin sent"],
    better: "less",
  },
  {
    file: "memory.svg",
    title: "Memory",
    labels: ["idle", "cold fill, 1 reader: peak", "500 slow clients: peak"],
    better: "less",
  },
];

const growths = [
  { file: "growth-blobs.svg", over: "blobs in the catalog", title: "As the catalog grows" },
  { file: "growth-clients.svg", over: "clients", title: "As clients come" },
] as const;

/** A picture for each of what was measured, by the name of its file. */
export function chartsOf({ answers }: Results): ReadonlyMap<string, string> {
  const allRows = answers.flatMap((answer) => answer.rows);
  const allCurves = answers.flatMap((answer) => answer.curves);
  const charts = new Map<string, string>();
  for (const { file, labels, ...chart } of bars) {
    const rows = labels.flatMap((label) => measuredRow(allRows, label));
    if (rows.length > 0) charts.set(file, barChart({ ...chart, rows }));
  }
  for (const { file, over, title } of growths) {
    const curves = allCurves.filter((curve) => curve.over === over && curve.points.length > 1);
    if (curves.length > 0) charts.set(file, growthChart(title, curves));
  }
  return charts;
}

function measuredRow(rows: readonly ReportedRow[], label: string): readonly ReportedRow[] {
  return rows.filter((row) => row.label === label && row.results["sluice"] !== undefined);
}
