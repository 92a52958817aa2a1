import type { LookupFunction } from "node:net";
import { type Dispatcher, EnvHttpProxyAgent } from "undici";

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
  readonly proxy: ProxyChoice;
  readonly http2: boolean;
  /** The look-up for hops, which refuses addresses. */
  readonly hopLookup: LookupFunction;
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
}

/** The sockets of one endpoint and of the places it sends us to. */
export class Connections implements AsyncDisposable {
  readonly #options: ConnectionOptions;
  readonly #agents = new Map<string, EnvHttpProxyAgent>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** For requests to the endpoint itself. */
  toEndpoint(trust: Trust): Way {
    return this.#way(trust, `endpoint ${trust}`, () => agentFor(this.#options, trust, null));
  }

  /** For requests to wherever the endpoint pointed. */
  toHop(trust: Trust): Way {
    return this.#way(trust, `hop ${trust}`, () =>
      agentFor(this.#options, trust, this.#options.hopLookup),
    );
  }

  /** Takes no more requests; ends each socket when its answer has ended. */
  async retire(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.close()));
  }

  /** Ends every socket now. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.destroy()));
  }

  #way(trust: Trust, key: string, make: () => EnvHttpProxyAgent): Way {
    const dispatcher = this.#agents.get(key) ?? make();
    this.#agents.set(key, dispatcher);
    const { headersMs, bodyIdleMs } = this.#options.timeouts;
    return { dispatcher, headersMs, bodyIdleMs, oneShot: trust === "unverified" };
  }
}

function agentFor(
  { timeouts, ca, proxy, http2 }: ConnectionOptions,
  trust: Trust,
  lookup: LookupFunction | null,
): EnvHttpProxyAgent {
  const tls = ca === null ? {} : { ca };
  // HTTP/2 frames name their stream, so a stray answer can't be mistaken; but the peer may choose
  // HTTP/1.1, so unverified answers get HTTP/1.1 on a socket of their own.
  const allowH2 = http2 && trust === "by-digest";
  return new EnvHttpProxyAgent({
    ...proxy,
    // Proxies commonly allow CONNECT to port 443 only.
    proxyTunnel: false,
    requestTls: { ...tls, allowH2 },
    connectTimeout: timeouts.connectMs,
    connect: { ...tls, allowH2, timeout: timeouts.connectMs, ...(lookup ? { lookup } : {}) },
    allowH2,
  });
}
