import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The checkout's `bin/sluice`. */
export const sluice: string = fileURLToPath(new URL("../../bin/sluice", import.meta.url));

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What is run; the checkout's `bin/sluice` by default. */
  readonly command?: string;
}

/** Runs sluice for real, with nothing in its environment but PATH, what makes it start sooner, and what is given. */
export function runSluice(args: readonly string[], surroundings: Surroundings): Promise<Outcome> {
  const { cwd, env = {}, command = sluice } = surroundings;
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const options = { cwd, env: { PATH, NODE_COMPILE_CACHE, ...env } };
  return new Promise((resolve) => {
    const child = execFile(command, args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}
