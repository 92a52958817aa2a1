import type { IncomingMessage } from "node:http";
import { DistributionError } from "../oci/distribution-error.ts";

// A name has 255 characters at most, and a digest 135; the marks of pages come from registries.
const targetLimitChars = 8 * 1024;

// RFC 9112, section 3.2, and RFC 3986, section 3.2.2: with a slash or a question mark it would be a part of the target to
// whoever puts the two together. Names with underscores are among those that people use.
const hostLetters = /^[\w.~!$&'()*+;=%:[\]-]*$/;

/** Throws DistributionError for what a mirror does not do. */
export function assertReadable(request: IncomingMessage): void {
  for (const name of ["Host", "Authorization"]) {
    if (!isTwice(name.toLowerCase(), request)) continue;
    const message = `the request has two ${name} headers`;
    throw new DistributionError("UNSUPPORTED", message, { status: 400 });
  }
  if (!hostLetters.test(request.headers.host ?? "")) {
    const message = "the Host header names no host";
    throw new DistributionError("UNSUPPORTED", message, { status: 400 });
  }
  if ((request.url?.length ?? 0) > targetLimitChars) {
    const message = `the target has more than ${targetLimitChars} characters`;
    throw new DistributionError("UNSUPPORTED", message, { status: 414 });
  }
  if (request.method === "GET" || request.method === "HEAD") return;
  throw new DistributionError(
    "UNSUPPORTED",
    "this is a mirror: it serves pulls and takes nothing. Push to the upstream registry itself; the mirror will have it at the next pull",
    { headers: { allow: "GET, HEAD", connection: "close" } },
  );
}

/** RFC 9112, section 3.2: Node takes the first of two, another proxy might take the second. */
function isTwice(name: string, { rawHeaders }: IncomingMessage): boolean {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]?.toLowerCase() === name) count++;
  return count > 1;
}
