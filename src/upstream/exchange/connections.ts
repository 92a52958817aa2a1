import { constants } from "node:crypto";
import type { LookupFunction } from "node:net";
import { type Dispatcher, EnvHttpProxyAgent } from "undici";
import type { ReceiveBuffers } from "./receive-buffers.ts";

/**
 * Whether an answer's bytes are checked against a digest that was asked for. What is not must come over a
 * socket no earlier answer can have left bytes on: a stray second response would be taken for it.
 */
export type Trust = "by-digest" | "unverified";

export interface ConnectionOptions {
  readonly timeouts: {
    readonly connectMs: number;
    readonly headersMs: number;
    readonly bodyIdleMs: number;
  };
  /** PEM text of the only certificate authorities to believe; null: those that Node brings. */
  readonly ca: string | null;
  /** What is shown to the endpoint, and to no other origin, if it asks for a certificate; null: nothing. */
  readonly client: { readonly certificatePem: string; readonly keyPem: string } | null;
  readonly endpointOrigin: string;
  readonly proxy: ProxyChoice;
  readonly http2: boolean;
  /** The look-up for hops, which refuses addresses. */
  readonly hopLookup: LookupFunction;
  /** Where what is checked by digest is received. */
  readonly receiveBuffers: ReceiveBuffers;
}

/** URLs of outbound proxies by the scheme of what is asked for; "" is none. `noProxy` lists exceptions. */
export interface ProxyChoice {
  readonly httpProxy: string;
  readonly httpsProxy: string;
  readonly noProxy: string;
}

/**
 * The way a request goes out: over which sockets, and what holds for it there. The latter goes with each request,
 * because an agent for a proxy gives its own options on to none of its sockets.
 */
export interface Way {
  readonly dispatcher: Dispatcher;
  readonly headersMs: number;
  readonly bodyIdleMs: number;
  /** Whether no other request may use the socket. */
  readonly oneShot: boolean;
  /** Where chunks of its answer are given back to. */
  readonly receiveBuffers: ReceiveBuffers;
}

/** The sockets of one endpoint and of the places it sends us to. */
export class Connections implements AsyncDisposable {
  readonly #options: ConnectionOptions;
  readonly #agents = new Map<string, EnvHttpProxyAgent>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** For requests to a URL of the endpoint itself. */
  toEndpoint(url: URL, trust: Trust): Way {
    return this.#way(url, trust, null);
  }

  /** For requests to wherever the endpoint pointed. */
  toHop(url: URL, trust: Trust): Way {
    return this.#way(url, trust, this.#options.hopLookup);
  }

  /** Ends each socket when its answer has ended. Whoever goes on with a pull gets others, which end when they are idle. */
  async retire(): Promise<void> {
    const agents = [...this.#agents.values()];
    this.#agents.clear();
    await Promise.all(agents.map((agent) => agent.close()));
  }

  /** Ends every socket now. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
  }

  #way(url: URL, trust: Trust, lookup: LookupFunction | null): Way {
    const { timeouts, client, endpointOrigin, receiveBuffers } = this.#options;
    const shown = url.origin === endpointOrigin ? client : null;
    const use = { scheme: url.protocol, trust, lookup, shown };
    const key = `${use.scheme} ${trust} ${lookup ? "hop" : "endpoint"} ${shown ? "shown" : ""}`;
    const dispatcher = this.#agents.get(key) ?? agentFor(this.#options, use);
    this.#agents.set(key, dispatcher);
    const { headersMs, bodyIdleMs } = timeouts;
    return { dispatcher, headersMs, bodyIdleMs, oneShot: trust === "unverified", receiveBuffers };
  }
}

/** What sockets are for; those of one use are shared. */
interface Use {
  /** `http:` or `https:`. */
  readonly scheme: string;
  readonly trust: Trust;
  readonly lookup: LookupFunction | null;
  readonly shown: ConnectionOptions["client"];
}

// Node looks once at whom it talks to, and with TLS 1.2 a server may ask for another handshake, with another certificate: that
// ends the connection. TLS 1.3 has none.
const oneHandshake = { secureOptions: constants.SSL_OP_NO_RENEGOTIATION };

function agentFor(
  { timeouts, ca, proxy, http2, receiveBuffers }: ConnectionOptions,
  { scheme, trust, lookup, shown }: Use,
): EnvHttpProxyAgent {
  const tls = {
    ...oneHandshake,
    ...(ca === null ? {} : { ca }),
    ...(shown === null ? {} : { cert: shown.certificatePem, key: shown.keyPem }),
  };
  // HTTP/2 frames name their stream, so a stray answer can't be mistaken; but the peer may choose
  // HTTP/1.1, so unverified answers get HTTP/1.1 on a socket of their own.
  const allowH2 = http2 && trust === "by-digest";
  // One for both: where only one is given, undici would use it for the other scheme too.
  const proxyUrl = scheme === "https:" ? proxy.httpsProxy : proxy.httpProxy;
  return new EnvHttpProxyAgent({
    httpProxy: proxyUrl,
    httpsProxy: proxyUrl,
    noProxy: proxy.noProxy,
    // Proxies commonly allow CONNECT to port 443 only.
    proxyTunnel: false,
    proxyTls: oneHandshake,
    requestTls: { ...tls, allowH2 },
    connectTimeout: timeouts.connectMs,
    connect: {
      ...tls,
      allowH2,
      timeout: timeouts.connectMs,
      ...(lookup ? { lookup } : {}),
      ...(trust === "by-digest" ? { onread: receiveBuffers.onread } : {}),
    },
    allowH2,
  });
}
