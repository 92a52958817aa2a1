import { request } from "node:http";
import type { Layout } from "../storage/layout.ts";
import { CommandError } from "./command-error.ts";

/** An answer of the daemon's admin API. */
export interface ControlAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** What is asked: a GET of `path`, or an order posted to it. */
export interface ControlQuestion {
  readonly path: string;
  /** Sent as JSON. */
  readonly order?: object;
  readonly timeoutMs?: number;
}

// What is not an order the daemon answers from memory; one that takes this long hangs.
const usualTimeoutMs = 10_000;

/**
 * Asks the daemon of a storage directory through its control socket; null if none listens there. Rejects with
 * CommandError if it does not answer in time.
 */
export async function askDaemon(
  layout: Layout,
  question: ControlQuestion,
): Promise<ControlAnswer | null> {
  try {
    return await ask(layout.controlSocket, question);
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

function ask(socketPath: string, question: ControlQuestion): Promise<ControlAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ControlAnswer>();
  const { path, order, timeoutMs = usualTimeoutMs } = question;
  const how = order ? { method: "POST", headers: { "content-type": "application/json" } } : {};
  const asking = request(
    { socketPath, path, ...how, signal: AbortSignal.timeout(timeoutMs) },
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
  asking.end(order && JSON.stringify(order));
  return promise;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
