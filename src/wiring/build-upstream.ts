import type { UpstreamConfig } from "../config/config.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { UpstreamLimits } from "../upstream/accounts/upstream-limits.ts";
import type { Crowds } from "../upstream/crowd.ts";
import type { EndpointEntry } from "../upstream/endpoints/asked-endpoint.ts";
import { Breaker } from "../upstream/endpoints/breaker.ts";
import type { Endpoint } from "../upstream/endpoints/endpoint.ts";
import { Endpoints } from "../upstream/endpoints/endpoints.ts";
import type { ConnectionCap } from "../upstream/exchange/connection-cap.ts";
import { Upstream } from "../upstream/upstream.ts";
import { endpointsOf, nobody, type OutboundTools, type User, usersOf } from "./build-endpoints.ts";
import { tellOfBreakers } from "./tell-of-breakers.ts";
import { tellOfLimits } from "./tell-of-limits.ts";

export interface UpstreamTools extends OutboundTools {
  readonly metrics: Metrics;
  readonly crowds: Crowds;
}

/** An upstream, and what is known of its limits. */
export interface BuiltUpstream {
  readonly upstream: Upstream;
  readonly limits: UpstreamLimits;
}

// Of the time that an answer has: a second. An endpoint that is well again answers within that, and behind one that is not nobody
// waits for much longer than for a word.
const shareOfProbe = 1 / 6;

/** The upstream of a configuration. `cap` is what it has of connections, whatever was built of it before. */
export function buildUpstream(
  config: UpstreamConfig,
  cap: ConnectionCap,
  tools: UpstreamTools,
): BuiltUpstream {
  const { name, access, offline, timeouts } = config;
  const { metrics, now, monotonicMs, log, crowds } = tools;
  const clocks = { now, monotonicMs };
  const limits = new UpstreamLimits({
    upstream: name,
    clocks,
    onTold: tellOfLimits(metrics, log),
  });
  // Whoever asks, it is the same place that answers or does not.
  const breakers = config.endpoints.map((url) => breakerOf(name, url, tools));
  const endpointsFor = (users: readonly User[]): Endpoints =>
    new Endpoints({
      upstream: name,
      endpoints: entriesOf(endpointsOf(config, { users, limits }, tools), breakers),
      metrics,
      clocks,
      cap,
      probePatienceMs: timeouts.answerMs * shareOfProbe,
      offline,
    });
  const common = {
    name,
    metrics,
    endpoints: endpointsFor(usersOf(config, tools)),
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
  return { upstream, limits };
}

function breakerOf(upstream: string, url: URL, { monotonicMs, log }: UpstreamTools): Breaker {
  const onChange = tellOfBreakers({ upstream, endpoint: url.host }, { log, monotonicMs });
  return new Breaker({ monotonicMs, random: Math.random, onChange });
}

function entriesOf(endpoints: readonly Endpoint[], breakers: readonly Breaker[]): EndpointEntry[] {
  return breakers.flatMap((breaker, at) => {
    const endpoint = endpoints[at];
    return endpoint ? [{ endpoint, breaker }] : [];
  });
}
