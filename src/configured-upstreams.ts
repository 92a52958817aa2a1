import type { OutboundProxy, UpstreamConfig } from "./config/config.ts";
import type { Metrics } from "./telemetry/metrics.ts";
import type { ProxyChoice } from "./upstream/connections.ts";
import { Endpoint } from "./upstream/endpoint.ts";
import { Upstream } from "./upstream/upstream.ts";
import { Upstreams } from "./upstream/upstreams.ts";

export interface UpstreamTools {
  readonly metrics: Metrics;
  /** Where `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly userAgent: string;
  /** The wall clock, in ms since the epoch. */
  readonly now: () => number;
  /** A clock that never jumps, in ms. */
  readonly monotonicMs: () => number;
}

interface Built {
  readonly config: UpstreamConfig;
  readonly upstream: Upstream;
}

/** The upstreams of the configuration, built; and built anew as far as another configuration differs. */
export class ConfiguredUpstreams implements AsyncDisposable {
  readonly #tools: UpstreamTools;
  #built: readonly Built[] = [];

  constructor(tools: UpstreamTools) {
    this.#tools = tools;
  }

  /** What did not change keeps its connections and tokens; what is gone lets its running pulls end. */
  configure(configs: readonly UpstreamConfig[]): Upstreams {
    const before = this.#built;
    this.#built = configs.map(
      (config) => before.find((one) => isSame(one.config, config)) ?? this.#build(config),
    );
    for (const one of before) {
      // Its end is awaited by nobody: the pulls that still run through it have their own bounds.
      if (!this.#built.includes(one)) one.upstream.retire().catch(() => {});
    }
    return new Upstreams(
      this.#built.map(({ config, upstream }) => ({
        upstream,
        aliases: config.aliases,
        hosts: config.hosts,
        default: config.default,
      })),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#built.map(({ upstream }) => upstream[Symbol.asyncDispose]()));
  }

  #build(config: UpstreamConfig): Built {
    const { name, privateRedirects, caPem, http2, timeouts } = config;
    const { metrics, env, userAgent, now, monotonicMs } = this.#tools;
    const connections = { timeouts, ca: caPem, proxy: proxyChoice(config.proxy, env), http2 };
    const endpoints = config.endpoints.map(
      (url) =>
        new Endpoint({
          upstream: name,
          url,
          privateRedirects,
          connections,
          userAgent,
          monotonicMs,
        }),
    );
    const clocks = { now, monotonicMs };
    return {
      config,
      upstream: new Upstream({ name, endpoints, metrics, clocks, publicView: null }),
    };
  }
}

// Configurations are plain values; URLs among them become their text.
function isSame(one: UpstreamConfig, other: UpstreamConfig): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function proxyChoice(proxy: OutboundProxy, env: UpstreamTools["env"]): ProxyChoice {
  switch (proxy.kind) {
    case "direct":
      return { httpProxy: "", httpsProxy: "", noProxy: "" };
    case "url":
      return { httpProxy: proxy.url.href, httpsProxy: proxy.url.href, noProxy: "" };
    case "environment":
      return {
        httpProxy: env["http_proxy"] ?? env["HTTP_PROXY"] ?? "",
        httpsProxy: env["https_proxy"] ?? env["HTTPS_PROXY"] ?? "",
        noProxy: env["no_proxy"] ?? env["NO_PROXY"] ?? "",
      };
  }
}
