import { setTimeout as delay } from "node:timers/promises";
import {
  type DestinationStream,
  type LevelWithSilent,
  type Logger,
  type LoggerOptions,
  pino,
  stdTimeFunctions,
} from "pino";
import pretty from "pino-pretty";
import { plainLine, plainLineToShow } from "./plain-line.ts";

export type Log = Logger;

// Lines are gathered up to a page, so that logging costs a system call for a dozen requests, not for each; and
// written at the latest after this long, so that someone who watches is not kept waiting.
const flushBytes = 4096;
const flushMs = 500;

// A reader that stops reading, or a full disk, must neither take the memory of pulls nor end the mirror. Some 3,000 lines
// wait for it; then lines are lost.
const waitingLimitBytes = 1024 * 1024;

// The last lines get this long at the end.
const lastLinesMs = 1_000;

/** A log that is open; disposing it writes the last lines, if anybody takes them. */
export interface OpenLog extends AsyncDisposable {
  readonly log: Log;
}

/** A log to standard output: JSON lines, or lines for people if it is a terminal. */
export function openLog(level: LevelWithSilent, isTerminal: boolean): OpenLog {
  const options = logOptions(level);
  if (isTerminal) {
    const terminal = pretty({ translateTime: "HH:MM:ss", singleLine: true, sync: true });
    return { log: pino(options, shownBy(terminal)), [Symbol.asyncDispose]: async () => {} };
  }
  const output = new Output();
  return { log: pino(options, output), [Symbol.asyncDispose]: () => output.close() };
}

/** What every line has: a level by its name and a time. What the fields mean is in log-fields.ts. */
export function logOptions(level: LevelWithSilent): LoggerOptions {
  return {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
}

/** A log for commands, whose results go to standard output: errors only, for people, to standard error. */
export function createErrorLog(): Log {
  return pino(
    { level: "error", base: null },
    shownBy(pretty({ singleLine: true, sync: true, destination: 2 })),
  );
}

function shownBy(terminal: DestinationStream): DestinationStream {
  return { write: (line) => terminal.write(plainLineToShow(line)) };
}

/** Standard output as pino writes to it, whoever reads that or does not. */
class Output {
  #isOpen = true;
  readonly #destination = pino.destination({
    dest: 1,
    minLength: flushBytes,
    maxLength: waitingLimitBytes,
    sync: false,
    periodicFlush: flushMs,
    // A pipe that is full is tried again, but not for ever: the process could not end.
    retryEAGAIN: () => this.#isOpen,
  });

  constructor() {
    // What could not be written is tried again with the next lines.
    this.#destination.on("error", () => {});
  }

  write(line: string): void {
    if (this.#isOpen) this.#destination.write(plainLine(line));
  }

  async close(): Promise<void> {
    const { promise: flushed, resolve } = Promise.withResolvers<void>();
    this.#destination.flush(() => resolve());
    await Promise.race([flushed, delay(lastLinesMs, undefined, { ref: false })]);
    this.#isOpen = false;
    // Or it would insist when the process ends.
    this.#destination.destroy();
  }
}
