import { request } from "node:http";
import type { Layout } from "../storage/layout.ts";
import { CommandError } from "./command-error.ts";

/** An answer of the daemon's admin API. */
export interface ControlAnswer {
  readonly status: number;
  readonly body: unknown;
}

// The daemon answers from memory; one that takes this long hangs.
const timeoutMs = 10_000;

/**
 * Asks the daemon of a storage directory through its control socket; null if none listens there. Rejects with
 * CommandError if it does not answer.
 */
export async function askDaemon(layout: Layout, path: string): Promise<ControlAnswer | null> {
  try {
    return await get(layout.controlSocket, path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ENOTDIR") return null;
    const problem =
      code === "EACCES" ? "run the command as the user that runs the daemon" : `${error}`;
    throw new CommandError(`cannot ask the daemon at ${layout.controlSocket}: ${problem}`, {
      cause: error,
    });
  }
}

function get(socketPath: string, path: string): Promise<ControlAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ControlAnswer>();
  const asking = request(
    { socketPath, path, signal: AbortSignal.timeout(timeoutMs) },
    (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({
          status: response.statusCode ?? 0,
          body: parse(Buffer.concat(chunks).toString("utf8")),
        });
      });
    },
  );
  asking.on("error", reject);
  asking.end();
  return promise;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
