import { execFile } from "node:child_process";
import { promisify } from "node:util";

export interface WrkRun {
  readonly url: string;
  readonly seconds: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Requests per second of 32 connections that ask for `url` as fast as one thread can. */
export async function wrk(run: WrkRun): Promise<number> {
  const headers = Object.entries(run.headers).flatMap(([name, value]) => [
    "-H",
    `${name}: ${value}`,
  ]);
  const args = ["-t1", "-c32", `-d${run.seconds}s`, ...headers, run.url];
  const { stdout } = await promisify(execFile)("wrk", args, {
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
