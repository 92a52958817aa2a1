import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

export interface WrkRun {
  readonly url: string;
  readonly seconds: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Where nothing is said, 32. */
  readonly connections?: number;
  readonly signal: AbortSignal;
}

/** Requests per second of connections that ask for `url`, all in one thread, each as fast as it is answered. */
export async function wrk(run: WrkRun): Promise<number> {
  const headers = Object.entries(run.headers).flatMap(([name, value]) => [
    "-H",
    `${name}: ${value}`,
  ]);
  return runWrk(run, [...headers, run.url]);
}

/** The same of many paths, in turn. A line of the file is a path and a media type to accept; `run.url` is the server's. */
export function wrkOf(file: string, run: Omit<WrkRun, "headers">): Promise<number> {
  const script = join(import.meta.dirname, "wrk-paths.lua");
  return runWrk(run, ["-s", script, run.url, "--", file]);
}

async function runWrk(run: Omit<WrkRun, "headers">, what: readonly string[]): Promise<number> {
  const args = ["-t1", `-c${run.connections ?? 32}`, `-d${run.seconds}s`, "--timeout", "20s"];
  const { stdout } = await promisify(execFile)("wrk", [...args, ...what], {
    signal: run.signal,
    timeout: (run.seconds + 30) * 1_000,
  });
  // wrk counts refusals as requests, and says so only in these lines.
  const trouble = /Non-2xx or 3xx responses: .*|Socket errors: .*/.exec(stdout);
  if (trouble !== null) throw new Error(`${run.url}: ${trouble[0]}`);
  const rate = /Requests\/sec:\s*([\d.]+)/.exec(stdout)?.[1];
  if (rate === undefined) throw new Error(`wrk said something else: ${stdout}`);
  return Number(rate);
}
