import type { IncomingMessage, ServerResponse } from "node:http";
import { cut } from "../listeners/cut.ts";
import type { DistributionError } from "../oci/distribution-error.ts";
import { endLingering } from "./lingering-end.ts";
import { untrustedContentHeaders } from "./pull-headers.ts";
import { reasonPhrase } from "./reason-phrase.ts";

/** Tells the client of an error; or cuts an answer that has begun. */
export function answerError(
  error: DistributionError,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (response.headersSent) {
    cut(response);
    return;
  }
  for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
  // RFC 9113, section 8.3.2: HTTP/2 has no words behind the status, and Node would warn of them.
  if (request.httpVersionMajor < 2) response.statusMessage = reasonPhrase(error);
  endWith(request, response, error.status, error.toBody());
}

/** Ends an answer whose body, of JSON, is made here. */
export function endWith(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: string,
): void {
  response.writeHead(status, {
    ...untrustedContentHeaders,
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  });
  if (request.method === "HEAD") response.end();
  else if (request.method === "GET") response.end(body);
  else endLingering(request, response, body);
}
