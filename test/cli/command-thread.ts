import { Writable } from "node:stream";
import { parentPort } from "node:worker_threads";
import { runCommandLine } from "../../src/cli/run.ts";
import type { CommandInThread } from "./run-in-thread.ts";
import type { Outcome } from "./run-sluice.ts";

// Runs one command line after the other, each as if the thread were a process of its own. Modules stay loaded, which
// takes longer than most commands.
process.env = { PATH: process.env["PATH"] };
process.cwd = () => "/";
parentPort?.on("message", (command: CommandInThread) => void answer(command));

async function answer({ args, nowMs }: CommandInThread): Promise<void> {
  using _clock = clockAt(nowMs);
  const [stdout, stderr] = [new Collected(), new Collected()];
  Object.defineProperty(process, "stdout", { value: stdout, configurable: true });
  Object.defineProperty(process, "stderr", { value: stderr, configurable: true });
  const code = await runCommandLine(args);
  const outcome: Outcome = { code, stdout: stdout.text, stderr: stderr.text };
  parentPort?.postMessage(outcome);
}

/** The thread's clock stands still until it is disposed; null leaves it alone. */
function clockAt(nowMs: number | null): Disposable {
  const { now } = Date;
  if (nowMs !== null) Date.now = () => nowMs;
  return {
    [Symbol.dispose]: () => {
      Date.now = now;
    },
  };
}

/** What was written, as one that is no terminal takes it. */
class Collected extends Writable {
  readonly #parts: Buffer[] = [];

  get text(): string {
    return Buffer.concat(this.#parts).toString();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#parts.push(chunk);
    done();
  }
}
