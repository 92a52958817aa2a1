import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { programPath } from "./real-program.ts";

/** How a line is, each way. */
export interface LineWeather {
  readonly oneWayMs: number;
  /** The share of packets that get lost. */
  readonly loss: number;
  readonly bitsPerSecond: number;
  /** At the end of each such time nothing comes through for so long. */
  readonly partition: { readonly eachMs: number; readonly forMs: number } | null;
  readonly seed: number;
}

export interface LineEnds {
  /** The address of this machine where the server listens. */
  readonly near: string;
  /** What is sent there takes the line to the near one. */
  readonly far: string;
  readonly port: number;
}

const program = fileURLToPath(new URL("programs/weather-line.py", import.meta.url));

/** A line within this machine, through a TUN device. For a network namespace of one's own; needs root and python3. */
export async function startWeatherLine(
  weather: LineWeather,
  ends: LineEnds,
): Promise<AsyncDisposable> {
  const told = JSON.stringify({ name: "weather", ...weather, ...ends });
  const child = spawn(programPath("python3"), [program, told], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  await Promise.race([
    once(child.stdout, "data"),
    ended.then(() => Promise.reject(new Error("the line did not come about"))),
  ]);
  return {
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await ended;
    },
  };
}
