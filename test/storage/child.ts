import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** A program of `programs/` that runs in a process of its own until it is killed. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcessByStdio<null, Readable, null>;

  private constructor(process: ChildProcessByStdio<null, Readable, null>) {
    this.#process = process;
  }

  /** Resolves when the program has printed something, which is the sign that it holds what it should. */
  static async start(program: string, ...args: string[]): Promise<Child> {
    const child = new Child(
      spawn(process.execPath, [pathOf(program), ...args], { stdio: ["ignore", "pipe", "inherit"] }),
    );
    const exit = once(child.#process, "exit").then(() => {
      throw new Error(`${program} ended before it was ready`);
    });
    await Promise.race([once(child.#process.stdout, "data"), exit]);
    exit.catch(() => {});
    return child;
  }

  /** As a power button would, but for the disk: SIGKILL. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await exit;
  }
}

/** Runs a program under strace with `options`; resolves to what it printed and to the trace. */
export async function runTraced(
  options: readonly string[],
  program: string,
  ...args: string[]
): Promise<{ output: string; trace: string }> {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-trace-"));
  const file = join(directory.path, "trace");
  const command = ["-f", "-y", "-o", file, ...options, process.execPath, pathOf(program)];
  const child = spawn("strace", [...command, ...args], {
    // strace counts the calls of each thread apart, so there must be only one that works.
    env: { ...process.env, UV_THREADPOOL_SIZE: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output] = await Promise.all([text(child.stdout), once(child, "exit")]);
  return { output, trace: await readFile(file, "utf8") };
}

/** Runs a program that may make no file longer than some kilobytes; resolves to what it printed. */
export async function runWithFileLimit(program: string, ...args: string[]): Promise<string> {
  const limited = ["-c", 'ulimit -f 16 && exec "$0" "$@"', process.execPath, pathOf(program)];
  const child = spawn("sh", [...limited, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const [output] = await Promise.all([text(child.stdout), once(child, "exit")]);
  return output;
}

/**
 * The reason to skip a test that needs strace, or false. Where SLUICE_REQUIRE_REAL=1 nothing is skipped:
 * then a missing strace is a failure.
 */
export function straceSkipReason(): string | false {
  if (process.env["SLUICE_REQUIRE_REAL"] === "1") return false;
  try {
    execFileSync("strace", ["-o", "/dev/null", "true"]);
    return false;
  } catch {
    return "NOT CHECKED: strace is missing or may not trace here";
  }
}

function pathOf(program: string): string {
  return fileURLToPath(new URL(`./programs/${program}.ts`, import.meta.url));
}
