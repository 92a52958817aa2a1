import type { OutboundProxy, UpstreamConfig } from "./config/config.ts";
import type { Log } from "./telemetry/log.ts";
import type { Metrics } from "./telemetry/metrics.ts";
import { Breaker, type BreakerState } from "./upstream/breaker.ts";
import type { ProxyChoice } from "./upstream/connections.ts";
import type { CredentialSource } from "./upstream/credentials.ts";
import { DockerConfigCredentials } from "./upstream/docker-config-credentials.ts";
import { Endpoint } from "./upstream/endpoint.ts";
import type { EndpointEntry } from "./upstream/endpoints.ts";
import { FixedCredentials } from "./upstream/fixed-credentials.ts";
import { PasswordFileCredentials } from "./upstream/password-file-credentials.ts";
import { Upstream } from "./upstream/upstream.ts";
import { Upstreams } from "./upstream/upstreams.ts";

/** What requests to upstreams take. */
export interface OutboundTools {
  /** Where `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are read, and what credential helpers are run with. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly userAgent: string;
  /** The wall clock, in ms since the epoch. */
  readonly now: () => number;
  /** A clock that never jumps, in ms. */
  readonly monotonicMs: () => number;
  readonly log: Log;
}

export interface UpstreamTools extends OutboundTools {
  readonly metrics: Metrics;
}

interface Built {
  readonly config: UpstreamConfig;
  readonly upstream: Upstream;
}

/** The upstreams of the configuration, built; and built anew as far as another configuration differs. */
export class ConfiguredUpstreams implements AsyncDisposable {
  readonly #tools: UpstreamTools;
  #built: readonly Built[] = [];
  #present = new Upstreams([]);

  constructor(tools: UpstreamTools) {
    this.#tools = tools;
  }

  /** Those of the last configuration. */
  get present(): Upstreams {
    return this.#present;
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
    this.#present = new Upstreams(
      this.#built.map(({ config, upstream }) => ({
        upstream,
        aliases: config.aliases,
        hosts: config.hosts,
        default: config.default,
      })),
    );
    return this.#present;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#built.map(({ upstream }) => upstream[Symbol.asyncDispose]()));
  }

  #build(config: UpstreamConfig): Built {
    const { name, access } = config;
    const { metrics, now, monotonicMs } = this.#tools;
    const common = { name, metrics, clocks: { now, monotonicMs } };
    const credentials = credentialSourceOf(config, this.#tools);
    const breakers = config.endpoints.map((url) => breakerOf(name, url, this.#tools));
    const asNobody = (): Upstream =>
      new Upstream({
        ...common,
        endpoints: entriesOf(endpointsOf(config, null, this.#tools), breakers),
        publicView: null,
      });
    const upstream = new Upstream({
      ...common,
      endpoints: entriesOf(endpointsOf(config, credentials, this.#tools), breakers),
      // Without credentials too: what is stored may have come when there were some.
      publicView: access === "public" ? asNobody() : null,
    });
    return { config, upstream };
  }
}

/** The endpoints of a configuration, asked with these credentials, or as by anybody. They end together. */
export function endpointsOf(
  config: UpstreamConfig,
  credentials: CredentialSource | null,
  { env, userAgent, monotonicMs }: OutboundTools,
): readonly Endpoint[] {
  const { name: upstream, privateRedirects, caPem: ca, http2, timeouts } = config;
  const connections = { timeouts, ca, proxy: proxyChoice(config.proxy, env), http2 };
  const realms = config.credentials && config.realms;
  const common = { upstream, privateRedirects, credentials, realms, connections };
  return config.endpoints.map((url) => new Endpoint({ url, ...common, userAgent, monotonicMs }));
}

function entriesOf(endpoints: readonly Endpoint[], breakers: readonly Breaker[]): EndpointEntry[] {
  return breakers.flatMap((breaker, at) => {
    const endpoint = endpoints[at];
    return endpoint ? [{ endpoint, breaker }] : [];
  });
}

/** A breaker that tells the log when it opens and when it closes. */
function breakerOf(upstream: string, url: URL, { monotonicMs, log }: UpstreamTools): Breaker {
  const onChange = (state: BreakerState, before: BreakerState): void => {
    const about = { upstream, endpoint: url.host };
    const nowMs = monotonicMs();
    if (state.kind === "closed" && before.kind !== "closed") {
      log.info({ ...about, afterMs: Math.round(nowMs - before.sinceMs) }, "endpoint answers again");
    }
    if (state.kind === "open" && before.kind === "closed") {
      const { reason, untilMs } = state;
      log.warn({ ...about, forMs: Math.round(untilMs - nowMs), reason }, "endpoint left alone");
    }
  };
  return new Breaker({ monotonicMs, random: Math.random, onChange });
}

/** Where the configured credentials come from; null if there are none. */
export function credentialSourceOf(
  { name: upstream, credentials }: UpstreamConfig,
  { env, monotonicMs, log }: OutboundTools,
): CredentialSource | null {
  switch (credentials?.kind) {
    case undefined:
      return null;
    case "password":
      return new FixedCredentials(credentials.username, credentials.password);
    case "password-file":
      return new PasswordFileCredentials(credentials.username, credentials.file);
    case "docker-config":
      return new DockerConfigCredentials({
        file: credentials.file,
        upstream,
        env,
        monotonicMs,
        log,
      });
  }
}

// Configurations are plain values; URLs among them become their text.
function isSame(one: UpstreamConfig, other: UpstreamConfig): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** The proxies that a configuration means, those of the environment included. */
export function proxyChoice(proxy: OutboundProxy, env: OutboundTools["env"]): ProxyChoice {
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
