import {
  type DestinationStream,
  type LevelWithSilent,
  type Logger,
  type LoggerOptions,
  pino,
  stdTimeFunctions,
} from "pino";
import pretty from "pino-pretty";
import { LineOutput } from "./line-output.ts";
import { plainLineToShow } from "./plain-line.ts";

export type Log = Logger;

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
  const output = new LineOutput(1);
  const writeLast = (): void => output.writeAtOnce();
  process.once("exit", writeLast);
  const close = async (): Promise<void> => {
    await output[Symbol.asyncDispose]();
    process.off("exit", writeLast);
  };
  return { log: pino(options, output), [Symbol.asyncDispose]: close };
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
