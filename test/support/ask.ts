import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { buffer } from "node:stream/consumers";

export interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Of an https server: the certificates to believe. */
  readonly ca?: Buffer;
  /** One of this machine's addresses to ask from, such as 127.0.0.2. */
  readonly from?: string;
  /** Of a server that listens on a socket in the file system: where that is. The URL's host means nothing then. */
  readonly socketPath?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

// Long enough for the slowest machine that runs the tests; reached only when something hangs.
const deadlineMs = 60_000;

/**
 * One HTTP request on a connection of its own, the target as it is written. Rejects when the connection
 * fails, is cut before the end of the body, or takes longer than a minute.
 */
export async function ask(url: string, question: Question = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const { method = "GET", headers = {}, body, ca, from, socketPath } = question;
  const length = body ? { "content-length": String(body.length) } : {};
  const { origin } = new URL(url);
  const request = origin.startsWith("https:") ? httpsRequest : httpRequest;
  request(origin, {
    ...(ca ? { ca } : {}),
    ...(from ? { localAddress: from } : {}),
    ...(socketPath ? { socketPath } : {}),
    path: url.slice(origin.length) || "/",
    method,
    headers: { ...headers, ...length },
    agent: false,
    signal: AbortSignal.timeout(deadlineMs),
  })
    .on("error", reject)
    .on("response", (response) => {
      const { statusCode: status = 0, headers } = response;
      buffer(response).then((bytes) => resolve({ status, headers, bytes }), reject);
    })
    .end(body);
  return promise;
}
