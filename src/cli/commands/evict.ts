import type { EvictionAnswer } from "../../admin/routes/eviction.ts";
import type { Stats } from "../../admin/routes/stats.ts";
import { type Size, sizeInBytes } from "../../config/units.ts";
import type { CommandOptions } from "../command-options.ts";
import { renderEviction } from "../output/eviction-report.ts";
import { Notice } from "../output/notice.ts";
import { printAnswer } from "../output/print-answer.ts";
import { rowsBeside, terminal } from "../output/terminal.ts";
import { type ReachedMirror, reachMirror } from "../reached-mirror.ts";

export interface EvictOptions extends CommandOptions {
  readonly dryRun?: boolean;
  /** A share is of `storage.maxSize`. */
  readonly to?: Size;
  /** How many victims are shown. */
  readonly limit?: number;
}

// An hour unlinks terabytes; a daemon that takes longer hangs.
const timeoutMs = 3_600_000;

// The mirror tells of no more in one answer.
const most = 1_000;

// What stands around the victims, the prompt included.
const otherLines = 14;

/** `sluice evict`: whole images go, or are named. */
export async function evict(options: EvictOptions): Promise<void> {
  await using mirror = await reachMirror(options);
  const dryRun = options.dryRun === true;
  using _notice = new Notice(dryRun ? "looking what would go…" : "evicting…");
  const shown = options.limit ?? rowsBeside(otherLines);
  const limit = Math.min(options.limit ?? (options.json ? most : shown), most);
  const space = { nowMs: Date.now(), widthChars: terminal().widthChars, limit: shown };
  const order = { dryRun, toBytes: await aimOf(options, mirror), limit };
  const answer = (await mirror.ask({ path: "/api/v1/evict", order, timeoutMs })) as EvictionAnswer;
  printAnswer(answer, options, () => renderEviction(answer, space));
}

/** What may be used in the end, in bytes; null for what the mirror's watermark says. */
async function aimOf({ to }: EvictOptions, mirror: ReachedMirror): Promise<number | null> {
  if (!to) return null;
  const { stored } = (await mirror.ask({ path: "/api/v1/stats" })) as Stats;
  return sizeInBytes(to, stored.limitBytes);
}
