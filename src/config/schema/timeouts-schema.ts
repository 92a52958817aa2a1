import type { z } from "zod";
import type { UpstreamTimeouts } from "../config.ts";
import { formatDuration } from "../units.ts";
import { table } from "./keys.ts";
import { durationKey } from "./value-keys.ts";

/** `timeouts`. */
export function timeoutsTable(): z.ZodType<UpstreamTimeouts> {
  return table(
    {
      connect: timeoutKey("For a connection, TLS included.", "5s"),
      headers: timeoutKey("From a request to the response header.", "10s"),
      answer: timeoutKey(
        "From a question about a manifest or a list to the response header: connections, tokens, redirects and all endpoints.",
        "6s",
      ),
      bodyIdle: timeoutKey("Between two pieces of a response body.", "30s"),
    },
    { description: "How long to wait for the upstream.", example: { headers: "20s" } },
  ).transform(({ connect, headers, answer, bodyIdle }) => ({
    connectMs: connect,
    headersMs: headers,
    answerMs: answer,
    bodyIdleMs: bodyIdle,
  }));
}

// Every wait has an end, and a timer of Node overflows after 24 days.
const longestTimeoutMs = 86_400_000;

function timeoutKey(description: string, usual: string): z.ZodType<number> {
  return durationKey({ description, example: usual })
    .refine((durationMs) => durationMs > 0 && durationMs <= longestTimeoutMs, {
      error: `must be over 0s and at most ${formatDuration(longestTimeoutMs)}; write for example ${usual}`,
    })
    .prefault(usual);
}
