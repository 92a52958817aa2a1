import { type DestinationStream, pino } from "pino";
import type { Log } from "./log.ts";

/**
 * Writes lines as `log.info` does, in half the time: for those that every request has. Their fields are plain values, no
 * errors.
 */
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

  write(fields: Readonly<Record<string, unknown>>, msg: string): void {
    if (!this.#log.isLevelEnabled("info")) return;
    const line = JSON.stringify({ level: "info", time: this.#now(), ...fields, msg });
    this.#output.write(`${line}\n`);
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
