import { mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { programPath } from "./real-program.ts";
import { ServerProcess } from "./server-process.ts";

/** A system call that fails, or kills the process that makes it. */
export interface Injection {
  readonly call: string;
  /** As strace's `inject` says it: `error=EIO`, `signal=SIGKILL`. */
  readonly effect: string;
  /** Which of each thread's calls from now on, counted from 1. */
  readonly nth: number;
}

/** One call that was made to fail, as strace shows it, with the paths of its descriptors. */
export type InjectedCall = string;

/** strace, attached to a process that runs already; it lets go when disposed. */
export class InjectedFaults implements AsyncDisposable {
  readonly #strace: ServerProcess;
  readonly #logFile: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(strace: ServerProcess, logFile: string, resources: AsyncDisposableStack) {
    this.#strace = strace;
    this.#logFile = logFile;
    this.#resources = resources;
  }

  /** Resolves when every thread of `pid` is followed. */
  static async attach(pid: number, { call, effect, nth }: Injection): Promise<InjectedFaults> {
    await using resources = new AsyncDisposableStack();
    const home = resources.use(await mkdtempDisposable(join(tmpdir(), "strace-")));
    const logFile = join(home.path, "log");
    const inject = `inject=${call}:${effect}:when=${nth}`;
    const args = [
      "-f",
      "-y",
      "-p",
      String(pid),
      "-o",
      logFile,
      "-e",
      `trace=${call}`,
      "-e",
      inject,
    ];
    const strace = resources.use(new ServerProcess(programPath("strace"), args));
    await strace.until(async () => strace.stderr.includes("attached"));
    return new InjectedFaults(strace, logFile, resources.move());
  }

  /** Lets go of the process and tells which calls were hit. */
  async detach(): Promise<InjectedCall[]> {
    await this.#strace.stop();
    const lines = (await readFile(this.#logFile, "utf8")).split("\n");
    return lines.filter((line) => line.includes("(INJECTED)"));
  }

  /** Resolves when the process that is followed has ended. */
  async end(): Promise<void> {
    await eventually("the end of what strace follows", () => !this.#strace.running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}
