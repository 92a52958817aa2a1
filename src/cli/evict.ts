import { setTimeout as after } from "node:timers/promises";
import type { EvictionAnswer } from "../admin/eviction.ts";
import type { Stats } from "../admin/stats.ts";
import { loadConfig } from "../config/load-config.ts";
import { type Size, sizeInBytes } from "../config/units.ts";
import type { EvictionAim } from "../mirror/evictor.ts";
import { evictOffline } from "../offline-eviction.ts";
import { type Layout, layoutOf } from "../storage/layout.ts";
import { createErrorLog } from "../telemetry/log.ts";
import { CommandError } from "./command-error.ts";
import { askDaemon, type ControlAnswer, type ControlQuestion } from "./control.ts";
import { renderEviction } from "./eviction-report.ts";
import { refuseWithoutCatalog } from "./nothing-stored.ts";
import { version } from "./version.ts";

export interface EvictOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly dryRun?: boolean;
  /** A share is of `storage.maxSize`. */
  readonly to?: Size;
  /** How many victims are shown. */
  readonly limit?: number;
}

// An hour unlinks terabytes; a daemon that takes longer hangs.
const timeoutMs = 3_600_000;

// Whoever waits for longer wonders whether anything happens.
const noticeAfterMs = 1_000;

/** `sluice evict`: by the running daemon, or without one in its directory. */
export async function evict(options: EvictOptions): Promise<void> {
  const place = { file: options.config, env: process.env, cwd: process.cwd() };
  const { config, source } = await loadConfig(place);
  const layout = layoutOf(config.storage.directory);
  const dryRun = options.dryRun === true;
  const aimAt = ({ limitBytes }: { readonly limitBytes: number }): EvictionAim => ({
    toBytes: options.to ? sizeInBytes(options.to, limitBytes) : null,
  });
  using _notice = noticeOnTerminal(dryRun ? "looking what would go …" : "evicting …");
  let answer = await byDaemon(layout, dryRun, aimAt);
  if (!answer) {
    refuseWithoutCatalog(layout, source);
    const log = createErrorLog();
    answer = await evictOffline({ config, version, log, dryRun, aimAt });
  }
  const text = options.json
    ? JSON.stringify(answer, null, 2)
    : renderEviction(answer, { nowMs: Date.now(), ...spaceOf(options.limit) });
  process.stdout.write(`${text}\n`);
}

async function byDaemon(
  layout: Layout,
  dryRun: boolean,
  aimAt: (stored: Stats["stored"]) => EvictionAim,
): Promise<EvictionAnswer | null> {
  const told = await askDaemon(layout, { path: "/api/v1/stats" });
  if (!told) return null;
  const order = { dryRun, ...aimAt((bodyOf(told) as Stats).stored) };
  const question: ControlQuestion = { path: "/api/v1/evict", order, timeoutMs };
  const answer = await askDaemon(layout, question);
  return answer && (bodyOf(answer) as EvictionAnswer);
}

function bodyOf({ status, body }: ControlAnswer): unknown {
  if (status === 200) return body;
  if (status === 404) {
    throw new CommandError("the running daemon is of an older version; restart it");
  }
  throw new CommandError(`the daemon answered with status ${status}; its log says why`);
}

// Of a usual terminal, and for a file as for that.
const usual = { columns: 80, rows: 24 };

// What stands around the victims, the prompt included.
const otherRows = 13;

function spaceOf(limit: number | undefined): { widthChars: number; limit: number } {
  const { columns = usual.columns, rows = usual.rows } = process.stdout;
  return { widthChars: columns, limit: limit ?? Math.max(5, rows - otherRows) };
}

/** Tells somebody at a terminal what they wait for, unless that ends at once. */
function noticeOnTerminal(text: string): Disposable {
  const ending = new AbortController();
  if (process.stderr.isTTY) {
    after(noticeAfterMs, null, { signal: ending.signal, ref: false }).then(
      () => process.stderr.write(`${text}\n`),
      () => {},
    );
  }
  return { [Symbol.dispose]: () => ending.abort() };
}
