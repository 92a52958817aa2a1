import { type DestinationStream, pino } from "pino";
import type { Log } from "./log.ts";

/** Writes lines as `log.info` does, in a tenth of the time: for those that every request has. */
export class InfoLines {
  readonly #log: Log;
  readonly #output: DestinationStream;
  #timeMs = Number.NaN;
  #time = "";

  constructor(log: Log) {
    this.#log = log;
    // Pino has it under a symbol for whoever builds on it; its types do not.
    const { [pino.symbols.streamSym]: output } = log as Log & WithOutput;
    this.#output = output;
  }

  /** `fields` are JSON, each with a comma before it; `msg` has no letters that JSON escapes. */
  write(fields: string, msg: string): void {
    if (!this.#log.isLevelEnabled("info")) return;
    this.#output.write(`{"level":"info","time":"${this.#now()}"${fields},"msg":"${msg}"}\n`);
  }

  /** Many lines are of one millisecond. */
  #now(): string {
    const nowMs = Date.now();
    if (nowMs !== this.#timeMs) {
      this.#timeMs = nowMs;
      this.#time = new Date(nowMs).toISOString();
    }
    return this.#time;
  }
}

interface WithOutput {
  readonly [pino.symbols.streamSym]: DestinationStream;
}
