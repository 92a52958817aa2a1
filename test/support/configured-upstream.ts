import { pino } from "pino";
import type { UpstreamConfig } from "../../src/config/config.ts";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { ReceiveBuffers } from "../../src/upstream/exchange/receive-buffers.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { ConfiguredUpstreams } from "../../src/wiring/configured-upstreams.ts";
import { unboundedCrowds } from "./unbounded.ts";

/** What builds upstreams in a daemon of that environment; it has none yet. */
export function configuredUpstreams(env: Readonly<Record<string, string>>): ConfiguredUpstreams {
  return new ConfiguredUpstreams({
    metrics: new Metrics("0.0.0-test"),
    env,
    userAgent: "sluice/0.0.0-test",
    now: Date.now,
    monotonicMs: () => performance.now(),
    receiveBuffers: new ReceiveBuffers(),
    log: pino({ level: "silent" }),
    usualConnections: 100,
    crowds: unboundedCrowds(),
  });
}

/** The one upstream of such a configuration. */
export function configureOne(
  configured: ConfiguredUpstreams,
  config: Pick<UpstreamConfig, "name" | "endpoints"> & Partial<UpstreamConfig>,
): Upstream {
  const upstream = configured.configure([{ ...usual, ...config }]).named(config.name);
  if (!upstream) throw new Error(`${config.name} was not built`);
  return upstream;
}

const usual: Omit<UpstreamConfig, "name" | "endpoints"> = {
  default: true,
  offline: false,
  aliases: [],
  hosts: [],
  caPem: null,
  caIsKept: false,
  client: null,
  proxy: { kind: "direct" },
  http2: false,
  parallelFill: 1,
  privateRedirects: false,
  timeouts: { connectMs: 5_000, headersMs: 10_000, answerMs: 10_000, bodyIdleMs: 30_000 },
  maxConnections: null,
  credentials: [],
  realms: [],
  access: "shared",
};
