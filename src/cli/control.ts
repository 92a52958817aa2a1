import { request } from "node:http";
import type { Layout } from "../storage/layout.ts";
import { CommandError } from "./command-error.ts";

/** What is asked of the admin API: a GET of `path`, or an order posted to it. */
export interface Question {
  readonly path: string;
  /** Sent as JSON. */
  readonly order?: object;
  /** How long the answer's header may take, and then each part of its body; 10 s unless it is given. */
  readonly timeoutMs?: number;
}

export interface Answer {
  readonly status: number;
  readonly body: AsyncIterable<Uint8Array>;
}

// What is not an order the daemon answers from memory; one that takes this long hangs.
const usualTimeoutMs = 10_000;

/**
 * Asks the daemon of a storage directory through its control socket; null if none listens there. Rejects with
 * CommandError if it does not answer in time.
 */
export async function askDaemon(layout: Layout, question: Question): Promise<Answer | null> {
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

function ask(socketPath: string, question: Question): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const { path, order, timeoutMs = usualTimeoutMs } = question;
  const how = order ? { method: "POST", headers: { "content-type": "application/json" } } : {};
  const asking = request({ socketPath, path, ...how, timeout: timeoutMs }, (response) => {
    resolve({ status: response.statusCode ?? 0, body: response });
  });
  asking.on("timeout", () => asking.destroy(new Error(`no answer for ${timeoutMs / 1000} s`)));
  asking.on("error", reject);
  asking.end(order && JSON.stringify(order));
  return promise;
}
