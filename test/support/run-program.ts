import { execFile } from "node:child_process";
import { tmpdir } from "node:os";

/** A program that has ended. `code` is -1 when it was cut because it took too long, or could not start. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly limitMs?: number;
}

// Longer than any client waits on its own; reached only when something hangs.
const defaultLimitMs = 120_000;

/** Runs a program to its end, whatever that is. */
export async function runProgram(
  command: string,
  args: readonly string[],
  { cwd = tmpdir(), env = process.env, limitMs = defaultLimitMs }: RunOptions = {},
): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>();
  const options = {
    cwd,
    env,
    timeout: limitMs,
    killSignal: "SIGKILL",
    maxBuffer: 2 ** 26,
  } as const;
  execFile(command, args, options, (error, stdout, stderr) => {
    const code = typeof error?.code === "number" ? error.code : -1;
    resolve({ code: error ? code : 0, stdout, stderr: stderr || (error?.message ?? "") });
  });
  return promise;
}

/** Runs a program that must succeed, and returns what it wrote to its standard output. */
export async function mustRun(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await runProgram(command, args, options);
  if (code === 0) return stdout;
  throw new Error(`${command} ${args.join(" ")} ended with ${code}: ${stderr.trim()}`);
}
