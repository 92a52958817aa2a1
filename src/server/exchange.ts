import type { IncomingMessage, ServerResponse } from "node:http";
import type { Caller } from "../auth/access-rules.ts";
import type { Route } from "../oci/route.ts";
import type { Waits } from "../telemetry/waits.ts";
import type { Target } from "../upstream/upstreams.ts";

/** A request, its answer, and what is known of the two so far. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What it is called in the log. */
  readonly requestId: string;
  /** When it began, by the clock that never jumps. */
  readonly startedMs: number;
  /** The headers of any answer to it, names and values in turn. */
  readonly head: string[];
  /** Known from its beginning: a socket that has been closed no longer tells its address. */
  caller: Caller;
  route: Route | null;
  target: Target | null;
  /** What it has waited for; null where it was answered at once. */
  waits: Waits | null;
}

/** Has them sent with whatever answer. */
export function setHead({ head, response }: Exchange): void {
  for (let at = 0; at < head.length; at += 2)
    response.setHeader(head[at] ?? "", head[at + 1] ?? "");
}
