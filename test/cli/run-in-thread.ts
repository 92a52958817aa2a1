import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Outcome } from "./run-sluice.ts";

/** What a thread is sent. */
export interface CommandInThread {
  readonly args: readonly string[];
  /** What its clock says all the time; null for the machine's. */
  readonly nowMs: number | null;
}

// Of the process: to start a thread and load all modules takes longer than most commands. None keeps the process alive.
const idle: Worker[] = [];

/**
 * Runs the command line in a thread that has run others before, in `/`: a fifth of the work of a process. What only a process
 * shows (that it ends by itself, signals, a terminal, what is written to the descriptors) is for `runSluice`.
 */
export async function runInThread(command: CommandInThread): Promise<Outcome> {
  const thread = idle.pop() ?? startThread();
  thread.ref();
  thread.postMessage(command);
  const outcome = await outcomeOf(thread);
  thread.unref();
  idle.push(thread);
  return outcome;
}

function startThread(): Worker {
  return new Worker(new URL("./command-thread.ts", import.meta.url));
}

async function outcomeOf(thread: Worker): Promise<Outcome> {
  const waiting = new AbortController();
  const { signal } = waiting;
  try {
    const answer = once(thread, "message", { signal }).then(([outcome]): Outcome => outcome);
    return await Promise.race([answer, ended(thread, signal)]);
  } finally {
    waiting.abort();
  }
}

async function ended(thread: Worker, signal: AbortSignal): Promise<never> {
  const [code] = await once(thread, "exit", { signal });
  throw new Error(`a command has ended its process with ${code}`);
}
