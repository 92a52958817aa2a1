import type { Config, OutboundProxy, UpstreamConfig, UpstreamTimeouts } from "../config/config.ts";
import { Doctor } from "../doctor/doctor.ts";
import type { ExaminedEndpoint } from "../doctor/endpoint-check.ts";
import { UpstreamLimits } from "../upstream/accounts/upstream-limits.ts";
import { endpointsOf, type OutboundTools, usersOf } from "./build-endpoints.ts";
import { proxyChoice } from "./proxy-choice.ts";

export interface DoctorTools extends OutboundTools {
  readonly config: Config;
  /** Whether this process has the storage directory for itself. */
  readonly holdsStorage: boolean;
  /** As `DoctorOptions` has it. */
  readonly doctorLimitMs?: number | undefined;
}

/** A doctor that asks upstreams as the mirror does, over connections of its own. */
export function buildDoctor(tools: DoctorTools): Doctor {
  const { config, now, holdsStorage, doctorLimitMs } = tools;
  return new Doctor({
    config,
    now,
    holdsStorage,
    ...(doctorLimitMs === undefined ? {} : { stepLimitMs: doctorLimitMs }),
    endpointsOf: (upstream, limitMs) => examinedEndpoints(upstream, limitMs, tools),
  });
}

function examinedEndpoints(
  upstream: UpstreamConfig,
  limitMs: number,
  tools: OutboundTools,
): readonly ExaminedEndpoint[] {
  const impatient = { ...upstream, timeouts: bounded(upstream.timeouts, limitMs) };
  const { name, proxy } = upstream;
  return upstream.endpoints.flatMap((url) => {
    // Credentials of its own for each, since each disposes of its own.
    const users = usersOf(upstream, tools);
    const limits = new UpstreamLimits({ upstream: name, clocks: tools, onTold: () => {} });
    return endpointsOf({ ...impatient, endpoints: [url] }, { users, limits }, tools).map(
      (endpoint) => ({ upstream, endpoint, proxy: proxyFor(url, proxy, tools.env) }),
    );
  });
}

function bounded(timeouts: UpstreamTimeouts, limitMs: number): UpstreamTimeouts {
  const { connectMs, headersMs, answerMs, bodyIdleMs } = timeouts;
  return {
    connectMs: Math.min(connectMs, limitMs),
    headersMs: Math.min(headersMs, limitMs),
    answerMs: Math.min(answerMs, limitMs),
    bodyIdleMs: Math.min(bodyIdleMs, limitMs),
  };
}

/** Its host and port only: the rest may hold credentials. `NO_PROXY` is not looked at. */
function proxyFor(url: URL, proxy: OutboundProxy, env: OutboundTools["env"]): string | null {
  const { httpProxy, httpsProxy } = proxyChoice(proxy, env);
  return URL.parse(url.protocol === "https:" ? httpsProxy : httpProxy)?.host ?? null;
}
