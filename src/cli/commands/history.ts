import type { HistoryAnswer } from "../../admin/routes/history.ts";
import { ago } from "../../config/ago.ts";
import type { CommandOptions } from "../command-options.ts";
import { printAnswer } from "../output/print-answer.ts";
import { type Column, renderTable } from "../output/table.ts";
import { reachMirror } from "../reached-mirror.ts";

/** `sluice history IMAGE`: what a tag meant, and since when. */
export async function history(image: string, options: CommandOptions): Promise<void> {
  await using mirror = await reachMirror(options);
  const path = `/api/v1/history?${new URLSearchParams({ image })}`;
  const answer = (await mirror.ask({ path })) as HistoryAnswer;
  printAnswer(answer, options, () => render(answer, Date.now()));
}

const columns: readonly Column[] = [
  { title: "WHEN", align: "left" },
  { title: "", align: "right" },
  { title: "FROM", align: "left" },
  { title: "TO", align: "left" },
];

function render({ name, moves }: HistoryAnswer, nowMs: number): string {
  if (moves.length === 0) return `${name} has not moved since there is a history of it.`;
  const rows = moves.map(({ at, from, to }) => [
    `${at.slice(0, 16).replace("T", " ")}Z`,
    ago(Date.parse(at), nowMs),
    from === null ? "(first seen)" : shortDigest(from),
    shortDigest(to),
  ]);
  return [name, "", renderTable(columns, rows)].join("\n");
}

// Twelve digits tell digests apart; their algorithm is told as far as it is not the usual one.
function shortDigest(digest: string): string {
  return digest.replace(/^(sha256:[0-9a-f]{12}|sha512:[0-9a-f]{12}).*/, "$1");
}
