import type { UpstreamLoad } from "../admin/load.ts";
import type { UpstreamConfig } from "../config/config.ts";
import type { CertificatePair } from "../config/files/certificate-pair.ts";
import { FollowedClients } from "../listeners/followed-clients.ts";
import type { KnownLimits } from "../upstream/accounts/account-limits.ts";
import type { EndpointStatus } from "../upstream/endpoints/endpoint-status.ts";
import { ConnectionCap } from "../upstream/exchange/connection-cap.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { Upstreams } from "../upstream/upstreams.ts";
import { type BuiltUpstream, buildUpstream, type UpstreamTools } from "./build-upstream.ts";

export interface ConfiguredUpstreamsTools extends UpstreamTools {
  /** How many connections an upstream may take that says nothing of it. */
  readonly usualConnections: number;
}

interface Built extends BuiltUpstream {
  readonly config: UpstreamConfig;
}

// Of the time that an answer has. Clients may give up at 10 s, and what has waited so long for a connection has all of that
// time left for its answer.
const shareOfAnswer = 0.5;

// What was retired before so many others has most likely ended; and what has not does so by its own bounds.
const retiredLimit = 100;

/** The upstreams of the configuration, built; and built anew as far as another configuration differs. */
export class ConfiguredUpstreams implements AsyncDisposable {
  readonly #tools: ConfiguredUpstreamsTools;
  #built: readonly Built[] = [];
  #present = new Upstreams([]);
  /** Of earlier configurations, the last one last: pulls may go on through them. */
  readonly #retired: Upstream[] = [];
  readonly #clients: FollowedClients;
  /** By upstream: what was built of it before has its connections still. */
  readonly #caps = new Map<string, ConnectionCap>();

  constructor(tools: ConfiguredUpstreamsTools) {
    this.#tools = tools;
    const onPair = (upstream: string, pair: CertificatePair): void => this.#renew(upstream, pair);
    this.#clients = new FollowedClients({ ...tools, onPair });
  }

  /** Those of the last configuration. */
  get present(): Upstreams {
    return this.#present;
  }

  /** What they are built by, with the certificates that were read last. */
  get configs(): readonly UpstreamConfig[] {
    return this.#built.map(({ config }) => config);
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
    const built = this.#built.map(({ upstream }) => upstream);
    await Promise.all([...this.#retired, ...built].map((one) => one[Symbol.asyncDispose]()));
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
      if (!this.#built.includes(one)) this.#retire(one.upstream);
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

  /** Its end is awaited by nobody: the pulls that still run through it have their own bounds. */
  #retire(upstream: Upstream): void {
    upstream.retire().catch(() => {});
    this.#retired.push(upstream);
    if (this.#retired.length > retiredLimit) this.#retired.shift();
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
    return { config, ...buildUpstream(config, this.#capOf(config), this.#tools) };
  }
}

// Configurations are plain values; URLs among them become their text. Why authorities are what they are changes nothing.
function isSame(one: UpstreamConfig, other: UpstreamConfig): boolean {
  const { caIsKept } = one;
  return JSON.stringify(one) === JSON.stringify({ ...other, caIsKept });
}
