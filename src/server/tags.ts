import type { IncomingMessage, ServerResponse } from "node:http";
import type { Mirror } from "../mirror/mirror.ts";
import type { Page } from "../oci/route.ts";
import type { Target } from "../upstream/upstreams.ts";
import { untrustedContentHeaders } from "./pull-headers.ts";
import type { Served } from "./served.ts";

/** `tags/list`: distribution spec 1.1, "Listing tags". The pages are upstream's, the links between them ours. */
export async function serveTags(
  mirror: Mirror,
  list: { readonly target: Target; readonly page: Page },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Served> {
  const { bytes, next } = await mirror.listTags(list.target, list.page);
  response.writeHead(200, {
    ...untrustedContentHeaders,
    "content-type": "application/json",
    "content-length": bytes.length,
    "cache-status": "sluice; fwd=bypass",
    ...(next ? { link: `<${linkTo(request, next)}>; rel="next"` } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : bytes);
  return { outcome: null, sentBytes: request.method === "HEAD" ? 0 : bytes.length, left: null };
}

/** This request's path, prefix included, with the next page's `n` and `last`, and the `ns` it came with. */
function linkTo(request: IncomingMessage, { n, last }: Page): string {
  const [path = "", query = ""] = (request.url ?? "").split("?", 2);
  const ns = new URLSearchParams(query).get("ns");
  const parameters = Object.entries({ n, last, ns }).filter(([, value]) => value !== null);
  return `${path}?${new URLSearchParams(parameters as [string, string][])}`;
}
