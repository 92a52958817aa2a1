import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { OnTold } from "../upstream/accounts/account-limits.ts";

/** Shows what registries say of their limits as metrics, and each change for better or worse in the log. */
export function tellOfLimits(metrics: Metrics, log: Log): OnTold {
  return ({ upstream, endpoint, account, state, told, emptyInMs }, before) => {
    if (!told) return;
    const { limit, remaining } = told;
    const labels = { upstream, endpoint, account };
    metrics.upstreamRateLimit.set(labels, limit);
    metrics.upstreamRateLimitRemaining.set(labels, remaining);
    if (state === before) return;
    const foreseen = emptyInMs === null ? {} : { emptyInSeconds: Math.round(emptyInMs / 1000) };
    const line = { ...labels, limit, remaining, ...foreseen };
    if (state === "empty") log.warn(line, "no pulls are left");
    else if (state === "low") log.warn(line, "few pulls are left");
    else if (before !== "unlimited") log.info(line, "pulls are left again");
  };
}
