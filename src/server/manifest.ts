import type { IncomingMessage, ServerResponse } from "node:http";
import type { Mirror } from "../mirror/mirror.ts";
import { parseAccept } from "../oci/accept.ts";
import { isImageManifest } from "../oci/manifest.ts";
import type { Reference } from "../oci/reference.ts";
import type { Target } from "../upstream/upstreams.ts";
import { ageOfTag, isNotModified, pullHeaders } from "./pull-headers.ts";
import { type Served, servedNothing } from "./served.ts";

/** `GET` and `HEAD` of a manifest: distribution spec 1.1, "Pulling manifests". */
export async function serveManifest(
  mirror: Mirror,
  pull: { readonly target: Target; readonly reference: Reference },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Served> {
  const { target, reference } = pull;
  const accept = parseAccept(request.headers.accept);
  const { outcome, manifest } =
    request.method === "HEAD"
      ? await mirror.describeManifest(target, reference, accept)
      : await mirror.pullManifest(target, reference, accept);
  const { digest, mediaType, bytes } = manifest;
  const headers = {
    ...pullHeaders(digest, outcome),
    ...(reference.kind === "tag" ? ageOfTag(outcome) : {}),
  };
  if (isNotModified(request, digest)) {
    response.writeHead(304, headers).end();
    return servedNothing(outcome);
  }
  response.writeHead(200, {
    ...headers,
    "content-type": mediaType,
    "content-length": bytes.length,
  });
  if (request.method === "HEAD") {
    response.end();
    return servedNothing(outcome);
  }
  response.end(bytes);
  return { outcome, sentBytes: bytes.length, left: null, isPull: isImageManifest(mediaType) };
}
