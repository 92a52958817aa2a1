import { createInterface } from "node:readline/promises";
import type { PurgeAnswer } from "../../admin/routes/purge.ts";
import { counted } from "../../config/counted.ts";
import { formatBytes } from "../../config/units.ts";
import { WrongUsage } from "../command-error.ts";
import type { CommandOptions } from "../command-options.ts";
import { renderVictims } from "../output/eviction-report.ts";
import { Notice } from "../output/notice.ts";
import { printAnswer } from "../output/print-answer.ts";
import { rowsBeside, terminal } from "../output/terminal.ts";
import { type ReachedMirror, reachMirror } from "../reached-mirror.ts";

export interface PurgeOptions extends CommandOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

type Plan = PurgeAnswer & { readonly dryRun: true };

// An hour unlinks terabytes; a daemon that takes longer hangs.
const timeoutMs = 3_600_000;

/** `sluice purge`: shows what goes and asks, unless --yes was said. Rejects with WrongUsage where nobody can be asked. */
export async function purge(patterns: readonly string[], options: PurgeOptions): Promise<void> {
  const isPlanned = options.dryRun === true;
  const mayAsk = process.stdin.isTTY === true && process.stdout.isTTY === true && !options.json;
  if (!isPlanned && !options.yes && !mayAsk) {
    throw new WrongUsage("nobody is there to be asked: say --yes, or --dry-run to see what goes");
  }
  await using mirror = await reachMirror(options);
  if (isPlanned || !options.yes) {
    const plan = (await ask(mirror, patterns, "dry run")) as Plan;
    printAnswer(plan, options, renderPlan);
    if (isPlanned) return;
    if (!(await isConfirmed())) {
      process.stdout.write("Nothing was purged.\n");
      return;
    }
  }
  const purged = await ask(mirror, patterns, "for good");
  printAnswer(purged, options, renderPurged);
}

async function ask(
  mirror: ReachedMirror,
  patterns: readonly string[],
  how: "dry run" | "for good",
): Promise<PurgeAnswer> {
  const dryRun = how === "dry run";
  using _notice = new Notice(dryRun ? "looking what would go…" : "purging…");
  const order = { dryRun, patterns };
  return (await mirror.ask({ path: "/api/v1/purge", order, timeoutMs })) as PurgeAnswer;
}

async function isConfirmed(): Promise<boolean> {
  using asking = createInterface({ input: process.stdin, output: process.stdout });
  return /^y(?:es)?$/i.test((await asking.question("\nPurge that? [y/N] ")).trim());
}

// What stands around the images, the question included.
const otherLines = 12;

function renderPlan({ tags, victims, freedBytes, pinned }: Plan): string {
  const { widthChars } = terminal();
  const space = { nowMs: Date.now(), widthChars, limit: rowsBeside(otherLines) };
  const named = new Set(victims.flatMap(({ names }) => names));
  const others = tags.filter((tag) => !named.has(tag));
  return [
    `Would purge ${counted(tags.length, "tag")} and free ${formatBytes(freedBytes)}${victims.length > 0 ? ":\n" : "."}`,
    ...(victims.length > 0 ? [renderVictims(victims, space)] : []),
    ...others.slice(0, space.limit).map((tag) => `${tag}  is forgotten; others need its content`),
    ...pinned.map((pin) => `pinned   ${pin} keeps nothing from being purged`),
  ].join("\n");
}

function renderPurged(answer: PurgeAnswer): string {
  if (answer.dryRun) return renderPlan(answer);
  const { tags, objects, freedBytes } = answer;
  if (objects === 0)
    return `Purged ${counted(tags, "tag")}; the content stays, for others have it.`;
  const gone = `freed ${formatBytes(freedBytes)} in ${counted(objects, "blob")}`;
  return `Purged ${counted(tags, "tag")} and ${gone}.`;
}
