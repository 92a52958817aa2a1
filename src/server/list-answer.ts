import type { IncomingMessage, ServerResponse } from "node:http";
import type { PullOutcome } from "../mirror/pull-outcome.ts";
import { nsOf, type Page, splitTarget } from "../oci/route.ts";
import { cacheStatus } from "./cache-status.ts";
import { untrustedContentHeaders } from "./pull-headers.ts";
import type { Served } from "./served.ts";

/** A list that is ready to be sent. */
export interface ListAnswer {
  readonly contentType: string;
  readonly bytes: Buffer;
  /** null if upstream was asked for just this list. */
  readonly outcome: PullOutcome | null;
  /** Where the next page begins; null on the last one. */
  readonly next: Page | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends a list. The link to its next page leads to the mirror, by the way this one was asked for. */
export function sendList(
  { contentType, bytes, outcome, next, headers }: ListAnswer,
  request: IncomingMessage,
  response: ServerResponse,
): Served {
  response.writeHead(200, {
    ...untrustedContentHeaders,
    ...headers,
    "content-type": contentType,
    "content-length": bytes.length,
    "cache-status": outcome === null ? "sluice; fwd=bypass" : cacheStatus(outcome),
    ...(next ? { link: `<${linkTo(request, next)}>; rel="next"` } : {}),
  });
  const isHead = request.method === "HEAD";
  response.end(isHead ? undefined : bytes);
  return { outcome, sentBytes: isHead ? 0 : bytes.length, left: null, isPull: false };
}

/** This request's path, prefix included, with what names the next page, and the `ns` it came with. */
function linkTo(request: IncomingMessage, { n, last, token }: Page): string {
  const { path, query } = splitTarget(request.url ?? "");
  const named = { n, last, next_page: token, ns: nsOf(query) };
  const parameters = Object.entries(named).filter(([, value]) => value !== null);
  return `${path}?${new URLSearchParams(parameters as [string, string][])}`;
}
