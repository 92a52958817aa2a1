import { mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { programPath } from "./real-program.ts";
import { ServerProcess } from "./server-process.ts";

/** strace, attached to a process that runs already; it lets go when disposed. */
export class TracedCalls implements AsyncDisposable {
  readonly #strace: ServerProcess;
  readonly #logFile: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(strace: ServerProcess, logFile: string, resources: AsyncDisposableStack) {
    this.#strace = strace;
    this.#logFile = logFile;
    this.#resources = resources;
  }

  /**
   * Resolves when every thread of `pid` is followed. `calls` are names with commas between; `inject` is what strace
   * shall do to them, in its own words.
   */
  static attach(pid: number, calls: string, inject: string | null): Promise<TracedCalls> {
    return TracedCalls.#attach(["-f", "-p", String(pid)], calls, inject);
  }

  /** The same of one thread, so that what is injected at its nth call is not met by another thread's nth. */
  static attachToThread(
    thread: number,
    calls: string,
    inject: string | null,
  ): Promise<TracedCalls> {
    return TracedCalls.#attach(["-p", String(thread)], calls, inject);
  }

  /** The same of every thread of `pid`, but only of calls about these files. */
  static attachToFiles(
    pid: number,
    files: readonly string[],
    { calls, inject }: { readonly calls: string; readonly inject: string },
  ): Promise<TracedCalls> {
    return TracedCalls.#attach(["-f", "-p", String(pid), ...onlyOf(files)], calls, inject);
  }

  static async #attach(
    whom: readonly string[],
    calls: string,
    inject: string | null,
  ): Promise<TracedCalls> {
    await using resources = new AsyncDisposableStack();
    const home = resources.use(await mkdtempDisposable(join(tmpdir(), "strace-")));
    const logFile = join(home.path, "log");
    const args = [...whom, "-yy", "-s", "4096", "-o", logFile];
    args.push("-e", `trace=${calls}`, ...(inject === null ? [] : ["-e", `inject=${inject}`]));
    const strace = resources.use(new ServerProcess(programPath("strace"), args));
    await strace.until(async () => strace.stderr.includes("attached"));
    return new TracedCalls(strace, logFile, resources.move());
  }

  /** Lets go of the process and tells the calls that were made, one a line, with what their descriptors are. */
  async detach(): Promise<string[]> {
    await this.#strace.stop();
    return (await readFile(this.#logFile, "utf8")).split("\n").filter((line) => line !== "");
  }

  /** Resolves when the process that is followed has ended. */
  async end(): Promise<void> {
    await eventually("the end of what strace follows", () => !this.#strace.running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

/**
 * A program and its arguments by way of which another one is started, so that it is killed at the nth such call that one of
 * its threads makes about these files.
 */
export function killedAtCall(
  { call, nth }: { readonly call: string; readonly nth: number },
  files: readonly string[],
): string[] {
  // It follows from aside, so that who starts the program is its parent.
  const aside = ["-D", "-f", "-qq", "-o", "/dev/null"];
  const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:signal=SIGKILL:when=${nth}`];
  return [programPath("strace"), ...aside, ...onlyOf(files), ...inject];
}

function onlyOf(files: readonly string[]): string[] {
  return files.flatMap((file) => ["-P", file]);
}
