import { formatBytes } from "../../config/units.ts";
import type {
  SavingsBy,
  SavingsReport,
  SavingsRow,
} from "../../storage/statistics/savings-report.ts";
import type { CommandOptions } from "../command-options.ts";
import { percent } from "../output/percent.ts";
import { printAnswer } from "../output/print-answer.ts";
import { shortened } from "../output/shortened.ts";
import { type Column, renderTable } from "../output/table.ts";
import { reachMirror } from "../reached-mirror.ts";
import { type WindowOptions, windowParameters } from "../window-options.ts";

export interface SavingsOptions extends CommandOptions, WindowOptions {
  readonly by: SavingsBy;
  readonly csv?: boolean | undefined;
}

/** `sluice savings`: what the mirror answered in a window, and how much of it by itself. */
export async function savings(options: SavingsOptions): Promise<void> {
  await using mirror = await reachMirror(options);
  const query = windowParameters(options);
  query.set("by", options.by);
  const told = (await mirror.ask({ path: `/api/v1/savings?${query}` })) as SavingsReport;
  printAnswer(told, options, options.csv ? renderSavingsCsv : renderSavings);
}

/** It for spreadsheets: numbers as they are, RFC 4180. No name holds a comma or a quote: hosts and networks do not. */
export function renderSavingsCsv({ by, rows }: SavingsReport): string {
  const titles = [by, "requests", "pulls", "saved_pulls", "sent_bytes", "saved_bytes"];
  const lines = rows.map(({ name, requests, pulls, savedPulls, sentBytes, savedBytes }) =>
    [name, requests, pulls, savedPulls, sentBytes, savedBytes].join(","),
  );
  return [titles.join(","), ...lines].join("\n");
}

// What the numbers beside it leave of 80 columns.
const nameChars = 24;

/** It for people. */
export function renderSavings({ from, to, by, rows, total }: SavingsReport): string {
  const window = `from, to  ${from.slice(0, 16)}Z, ${to.slice(0, 16)}Z`;
  if (rows.length === 0) return `${window}\n\nno pulls`;
  const columns: readonly Column[] = [
    { title: by.toUpperCase(), align: "left" },
    { title: "PULLS", align: "right" },
    { title: "SAVED", align: "right" },
    { title: "SENT", align: "right" },
    { title: "SAVED", align: "right" },
    { title: "SHARE", align: "right" },
  ];
  const all = rowOf({ name: "total", ...total });
  return [window, "", renderTable(columns, [...rows.map(rowOf), all])].join("\n");
}

function rowOf({ name, pulls, savedPulls, sentBytes, savedBytes }: SavingsRow): string[] {
  return [
    shortened(name, nameChars),
    String(pulls),
    String(savedPulls),
    formatBytes(sentBytes),
    formatBytes(savedBytes),
    percent(sentBytes === 0 ? null : savedBytes / sentBytes),
  ];
}
