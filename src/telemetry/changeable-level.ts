import type { LevelWithSilent } from "pino";
import type { Log } from "./log.ts";

/** What the log's level is now, and what it is to become by itself. */
export interface LevelReport {
  readonly level: string;
  /** That of the configuration. */
  readonly configured: string;
  /** When it returns to that, as an ISO 8601 time; null: it is that. */
  readonly until: string | null;
}

export interface ChangeableLevelOptions {
  readonly log: Log;
  readonly configured: LevelWithSilent;
  /** The wall clock, in ms since the epoch. */
  readonly now: () => number;
}

/** The level of the log, which operators may change for a while: it returns to the configured one by itself. */
export class ChangeableLevel implements Disposable {
  readonly #log: Log;
  readonly #now: () => number;
  #configured: LevelWithSilent;
  #change: { readonly untilMs: number; readonly timer: NodeJS.Timeout } | null = null;

  constructor({ log, configured, now }: ChangeableLevelOptions) {
    this.#log = log;
    this.#configured = configured;
    this.#now = now;
  }

  get report(): LevelReport {
    const until = this.#change && new Date(this.#change.untilMs).toISOString();
    return { level: this.#log.level, configured: this.#configured, until };
  }

  /** Takes over what the configuration says, now or when a change ends. */
  configure(level: LevelWithSilent): void {
    this.#configured = level;
    if (this.#change === null) this.#log.level = level;
  }

  /** Another level for so long; a change before it ends here. */
  change(level: LevelWithSilent, forMs: number): void {
    clearTimeout(this.#change?.timer);
    const timer = setTimeout(() => this.#return(), forMs).unref();
    this.#change = { untilMs: this.#now() + forMs, timer };
    this.#set(level, { forMs });
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#change?.timer);
  }

  #return(): void {
    this.#change = null;
    this.#set(this.#configured, {});
  }

  /** With a line under the level that lets more through, so that no change is silent. */
  #set(to: LevelWithSilent, remark: { readonly forMs?: number }): void {
    const log = this.#log;
    const line = { from: log.level, to, ...remark };
    const wasShown = log.isLevelEnabled("info");
    if (wasShown) log.info(line, changed);
    log.level = to;
    if (!wasShown) log.info(line, changed);
  }
}

const changed = "log level was changed";
