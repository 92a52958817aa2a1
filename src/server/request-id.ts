import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";

// What proxies and clients make: UUIDs, hexadecimal numbers, trace ids. It stands in a log line and in a header, so nothing
// that means something there, and no more of it than a line has room for.
const pattern = /^[\w.:/+=@-]{1,128}$/;

/** What this request is called in the log and in its answer: as `X-Request-Id` says if that is fit for it, or else any. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const asked = headers["x-request-id"];
  return typeof asked === "string" && pattern.test(asked) ? asked : randomUUID();
}
