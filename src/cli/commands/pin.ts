import type { PinsAnswer, ToldPin } from "../../admin/routes/pins.ts";
import { ago } from "../../config/ago.ts";
import { formatBytes } from "../../config/units.ts";
import type { CommandOptions } from "../command-options.ts";
import { printAnswer } from "../output/print-answer.ts";
import { shortened } from "../output/shortened.ts";
import { type Column, renderTable } from "../output/table.ts";
import { reachMirror } from "../reached-mirror.ts";

/** What to do with the patterns; with none of them, `list`. */
export type Pinning = "list" | "pin" | "unpin";

export interface PinOptions extends CommandOptions {
  /** Of `pin` alone. */
  readonly dryRun?: boolean;
}

// The catalog is walked once; a large one takes seconds.
const timeoutMs = 60_000;

/** `sluice pin`, `sluice unpin`: shows what is pinned then. */
export async function pin(
  pinning: Pinning,
  patterns: readonly string[],
  { dryRun, ...options }: PinOptions,
): Promise<void> {
  await using mirror = await reachMirror(options);
  const question =
    pinning === "list"
      ? { path: "/api/v1/pins", timeoutMs }
      : { path: `/api/v1/${pinning}`, order: { ...(dryRun && { dryRun }), patterns }, timeoutMs };
  const report = (await mirror.ask(question)) as PinsAnswer;
  printAnswer(report, options, render);
  if (pinning === "pin") warn(report);
}

const columns: readonly Column[] = [
  { title: "PINNED", align: "left" },
  { title: "IMAGES", align: "right" },
  { title: "SINCE", align: "left" },
];

function render({ pins, pinnedBytes, lowWatermarkBytes }: PinsAnswer): string {
  if (pins.length === 0) return "Nothing is pinned.";
  const table = renderTable(columns, pins.map(rowOf));
  const used = `${formatBytes(pinnedBytes)}; evicting ends at ${formatBytes(lowWatermarkBytes)}`;
  return `${table}\n\npinned   ${used}`;
}

// What the other columns leave of 80.
const patternChars = 46;

function rowOf({ pattern, pinnedAt, images }: ToldPin): string[] {
  const name = process.stdout.isTTY ? shortened(pattern, patternChars) : pattern;
  const since = pinnedAt === null ? "eviction.pins" : ago(Date.parse(pinnedAt), Date.now());
  return [name, String(images), since];
}

function warn({ pins, pinnedBytes, lowWatermarkBytes }: PinsAnswer): void {
  for (const { pattern, images } of pins) {
    if (images > 0) continue;
    process.stderr.write(`sluice: ${pattern} matches nothing that is stored now\n`);
  }
  if (pinnedBytes > lowWatermarkBytes) {
    process.stderr.write(
      "sluice: more is pinned than eviction.lowWatermark leaves, so new images may find no room\n",
    );
  }
}
