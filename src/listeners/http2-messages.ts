import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { Http2ServerRequest, Http2ServerResponse } from "node:http2";

/** A request over HTTP/2 that can be read as one over HTTP/1.1: it has a `Host`. */
export class Http2Request extends Http2ServerRequest {
  override readonly headers: IncomingHttpHeaders;
  override readonly rawHeaders: string[];

  constructor(...created: ConstructorParameters<typeof Http2ServerRequest>) {
    super(...created);
    const [, headers, , rawHeaders] = created;
    const { ":authority": authority } = headers;
    this.headers = authority === undefined ? headers : { ...headers, host: authority };
    this.rawHeaders = withHost(rawHeaders, authority);
  }
}

/** RFC 9113, section 8.3.1: the host is what stands in `:authority`. A `Host` beside it that says the same is left out. */
function withHost(rawHeaders: readonly string[], authority: string | undefined): string[] {
  const host = authority === undefined ? [] : ["host", authority];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = "", value = ""] = rawHeaders.slice(at, at + 2);
    const isSaid = name.startsWith(":") || (name.toLowerCase() === "host" && value === authority);
    if (!isSaid) host.push(name, value);
  }
  return host;
}

// RFC 9113, section 8.2.2: what is said of a connection is said by frames. Node would warn of each.
const ofConnections = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade"]);

/** An answer over HTTP/2 that can be written as one over HTTP/1.1. */
export class Http2Response extends Http2ServerResponse<Http2Request> {
  // @ts-expect-error: Node's types promise it as a stream's; Node has none.
  override get destroyed(): boolean {
    return this.stream.destroyed || this.stream.closed;
  }

  override setHeader(name: string, value: number | string | readonly string[]): void {
    if (!ofConnections.has(name.toLowerCase())) super.setHeader(name, value);
  }

  /** RFC 9113, section 8.3.2: there are no words behind a status. */
  override writeHead(status: number, ...said: [string, Headers?] | [Headers?, ...unknown[]]): this {
    const [first, second] = said;
    const headers = typeof first === "string" ? (second as Headers) : first;
    const sent = pairsOf(headers ?? []).filter(([name]) => !ofConnections.has(name));
    return super.writeHead(status, Object.fromEntries(sent));
  }
}

type Headers = OutgoingHttpHeaders | readonly string[] | undefined;

/** Of an object, or of names and values in turn. */
function pairsOf(headers: NonNullable<Headers>): [string, OutgoingHttpHeaders[string]][] {
  if (!isFlat(headers)) return Object.entries(headers);
  const pairs: [string, string | undefined][] = [];
  for (let at = 0; at < headers.length; at += 2) pairs.push([headers[at] ?? "", headers[at + 1]]);
  return pairs;
}

function isFlat(headers: NonNullable<Headers>): headers is readonly string[] {
  return Array.isArray(headers);
}
