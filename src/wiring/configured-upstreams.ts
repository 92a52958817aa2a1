import type { UpstreamLoad } from "../admin/load.ts";
import type { CredentialsConfig, OutboundProxy, UpstreamConfig } from "../config/config.ts";
import type { CertificatePair } from "../config/files/certificate-pair.ts";
import { FollowedClients } from "../listeners/followed-clients.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { KnownLimits } from "../upstream/accounts/account-limits.ts";
import { UpstreamLimits } from "../upstream/accounts/upstream-limits.ts";
import type { CredentialSource } from "../upstream/credentials/credentials.ts";
import { DockerConfigCredentials } from "../upstream/credentials/docker-config-credentials.ts";
import { FixedCredentials } from "../upstream/credentials/fixed-credentials.ts";
import { PasswordFileCredentials } from "../upstream/credentials/password-file-credentials.ts";
import type { Crowds } from "../upstream/crowd.ts";
import type { EndpointEntry } from "../upstream/endpoints/asked-endpoint.ts";
import { Breaker, type BreakerState } from "../upstream/endpoints/breaker.ts";
import { Endpoint } from "../upstream/endpoints/endpoint.ts";
import type { EndpointStatus } from "../upstream/endpoints/endpoint-status.ts";
import { Endpoints } from "../upstream/endpoints/endpoints.ts";
import { ConnectionCap } from "../upstream/exchange/connection-cap.ts";
import type { ProxyChoice } from "../upstream/exchange/connections.ts";
import type { ReceiveBuffers } from "../upstream/exchange/receive-buffers.ts";
import { Upstream } from "../upstream/upstream.ts";
import { Upstreams } from "../upstream/upstreams.ts";
import { tellOfLimits } from "./tell-of-limits.ts";

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
  readonly receiveBuffers: ReceiveBuffers;
}

export interface UpstreamTools extends OutboundTools {
  readonly metrics: Metrics;
  /** How many connections an upstream may take that says nothing of it. */
  readonly usualConnections: number;
  readonly crowds: Crowds;
}

interface Built {
  readonly config: UpstreamConfig;
  readonly upstream: Upstream;
  readonly limits: UpstreamLimits;
}

// Of the time that an answer has: a second. An endpoint that is well again answers within that, and behind one that is not nobody
// waits for much longer than for a word.
const shareOfProbe = 1 / 6;

// Of the time that an answer has. Clients may give up at 10 s, and what has waited so long for a connection has all of that
// time left for its answer.
const shareOfAnswer = 0.5;

/** The upstreams of the configuration, built; and built anew as far as another configuration differs. */
export class ConfiguredUpstreams implements AsyncDisposable {
  readonly #tools: UpstreamTools;
  #built: readonly Built[] = [];
  #present = new Upstreams([]);
  readonly #clients: FollowedClients;
  /** By upstream: what was built of it before has its connections still. */
  readonly #caps = new Map<string, ConnectionCap>();

  constructor(tools: UpstreamTools) {
    this.#tools = tools;
    const onPair = (upstream: string, pair: CertificatePair): void => this.#renew(upstream, pair);
    this.#clients = new FollowedClients({ log: tools.log, onPair });
  }

  /** Those of the last configuration. */
  get present(): Upstreams {
    return this.#present;
  }

  /** What is known of their limits. */
  get limits(): readonly KnownLimits[] {
    return this.#built.flatMap(({ limits }) => limits.known);
  }

  /** How their endpoints are. */
  get endpoints(): readonly EndpointStatus[] {
    return this.#built.flatMap(({ upstream }) => upstream.statuses);
  }

  /** How much of the mirror each takes. */
  get loads(): readonly UpstreamLoad[] {
    return this.#built.map(({ config: { name }, upstream: { crowd } }) => {
      const cap = this.#caps.get(name);
      return {
        upstream: name,
        connections: cap?.used ?? 0,
        mostConnections: cap?.most ?? 0,
        awaitingConnection: cap?.waiting ?? 0,
        awaitingAnswer: crowd.waiting,
        refuses: crowd.refuses || cap?.refuses === true,
      };
    });
  }

  /** What did not change keeps its connections and tokens; what is gone lets its running pulls end. */
  configure(configs: readonly UpstreamConfig[]): Upstreams {
    this.#clients.follow(configs);
    return this.#take(configs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#clients[Symbol.dispose]();
    await Promise.all(this.#built.map(({ upstream }) => upstream[Symbol.asyncDispose]()));
  }

  #renew(upstream: string, { certificatePem, keyPem }: CertificatePair): void {
    const old = this.#built.find(({ config }) => config.name === upstream)?.config.client;
    if (!old || (old.certificatePem === certificatePem && old.keyPem === keyPem)) return;
    const client = { ...old, certificatePem, keyPem };
    this.#take(
      this.#built.map(({ config }) => (config.name === upstream ? { ...config, client } : config)),
    );
    this.#tools.log.info({ upstream }, "client certificate was read again");
  }

  #take(configs: readonly UpstreamConfig[]): Upstreams {
    const before = this.#built;
    this.#built = configs.map(
      (config) => before.find((one) => isSame(one.config, config)) ?? this.#build(config),
    );
    for (const one of before) {
      // Its end is awaited by nobody: the pulls that still run through it have their own bounds.
      if (!this.#built.includes(one)) one.upstream.retire().catch(() => {});
    }
    for (const { name } of configs) this.#tools.metrics.beginUpstream(name);
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

  #capOf({ name: upstream, maxConnections, timeouts }: UpstreamConfig): ConnectionCap {
    const { metrics, log, monotonicMs, usualConnections } = this.#tools;
    const limits = {
      most: maxConnections ?? usualConnections,
      waitMs: timeouts.answerMs * shareOfAnswer,
    };
    const known = this.#caps.get(upstream);
    known?.configure(limits);
    const cap = known ?? new ConnectionCap(limits, { upstream, metrics, log, monotonicMs });
    this.#caps.set(upstream, cap);
    return cap;
  }

  #build(config: UpstreamConfig): Built {
    const { name, access } = config;
    const { metrics, now, monotonicMs, log, crowds } = this.#tools;
    const cap = this.#capOf(config);
    const clocks = { now, monotonicMs };
    const limits = new UpstreamLimits({
      upstream: name,
      clocks,
      onTold: tellOfLimits(metrics, log),
    });
    const breakers = config.endpoints.map((url) => breakerOf(name, url, this.#tools));
    const endpointsFor = (users: readonly User[]): Endpoints => {
      const endpoints = entriesOf(endpointsOf(config, { users, limits }, this.#tools), breakers);
      const { offline } = config;
      const probePatienceMs = config.timeouts.answerMs * shareOfProbe;
      return new Endpoints({
        upstream: name,
        endpoints,
        metrics,
        clocks,
        cap,
        probePatienceMs,
        offline,
      });
    };
    const common = {
      name,
      metrics,
      endpoints: endpointsFor(usersOf(config, this.#tools)),
      forwards: access === "forward",
      crowd: crowds.of(name),
      parallelFill: config.parallelFill,
    };
    const sharedUpstream = (forStrangers: Upstream | null): Upstream =>
      new Upstream({ ...common, publicView: null, forStrangers });
    // Without credentials too: what is stored may have come when there were some.
    const publicUpstream = (): Upstream => {
      const asNobody = { ...common, endpoints: endpointsFor([nobody]) };
      const publicView = new Upstream({ ...asNobody, publicView: null, forStrangers: null });
      return new Upstream({ ...common, publicView, forStrangers: null });
    };
    const upstream =
      access === "public"
        ? publicUpstream()
        : sharedUpstream(access === "users" ? publicUpstream() : null);
    return { config, upstream, limits };
  }
}

/** Who asks an upstream, and what is known of the limits of each. They end together. */
export interface Askers {
  readonly users: readonly User[];
  readonly limits: UpstreamLimits;
}

export interface User {
  /** For operators: the place of the credentials in the configuration, and no secret. */
  readonly account: string;
  readonly credentials: CredentialSource | null;
}

const nobody: User = { account: "anonymous", credentials: null };

/** The endpoints of a configuration, asked by these users. */
export function endpointsOf(
  config: UpstreamConfig,
  { users, limits }: Askers,
  { env, userAgent, now, monotonicMs, receiveBuffers }: OutboundTools,
): readonly Endpoint[] {
  const { name: upstream, privateRedirects, caPem: ca, client, http2, timeouts } = config;
  const proxy = proxyChoice(config.proxy, env);
  const connections = { timeouts, ca, client, proxy, http2, receiveBuffers };
  const hasCredentials = config.credentials.length > 0 || config.access === "forward";
  const realms = hasCredentials ? config.realms : null;
  // Clients may give up at 10 s: by then they are told why, whichever endpoints were asked.
  const answerMs = timeouts.answerMs / config.endpoints.length;
  const common = { upstream, privateRedirects, realms, connections, answerMs };
  return config.endpoints.map((url) => {
    const accounts = users.map(({ account, credentials }) => {
      return { credentials, limits: limits.of(url.host, account) };
    });
    return new Endpoint({ url, ...common, accounts, userAgent, clocks: { now, monotonicMs } });
  });
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

/** Those of the configuration, in its order; nobody if it names none. */
export function usersOf(config: UpstreamConfig, tools: OutboundTools): readonly User[] {
  const users = config.credentials.map((credentials, at) => {
    if (credentials.kind === "anonymous") return nobody;
    const source = credentialSourceOf(config.name, credentials, tools);
    return { account: String(at + 1), credentials: source };
  });
  return users.length > 0 ? users : [nobody];
}

function credentialSourceOf(
  upstream: string,
  credentials: Exclude<CredentialsConfig, { kind: "anonymous" }>,
  { env, monotonicMs, log }: OutboundTools,
): CredentialSource {
  switch (credentials.kind) {
    case "password":
      return new FixedCredentials(credentials);
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
