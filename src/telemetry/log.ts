import { type LevelWithSilent, type Logger, pino, stdTimeFunctions } from "pino";
import pretty from "pino-pretty";

export type Log = Logger;

// Lines are gathered up to a page, so that logging costs a system call for a dozen requests, not for each; and
// written at the latest after this long, so that someone who watches is not kept waiting.
const flushBytes = 4096;
const flushMs = 500;

/** A log to standard output: JSON lines, or lines for people if it is a terminal. */
export function createLog(level: LevelWithSilent, isTerminal: boolean): Log {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (isTerminal)
    return pino(options, pretty({ translateTime: "HH:MM:ss", singleLine: true, sync: true }));
  return pino(
    options,
    pino.destination({ dest: 1, minLength: flushBytes, sync: false, periodicFlush: flushMs }),
  );
}

/** Resolves when every line is written, or cannot be. */
export function flushLog(log: Log): Promise<void> {
  return new Promise((resolve) => log.flush(() => resolve()));
}
