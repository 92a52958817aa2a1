import { Metrics } from "../../src/telemetry/metrics.ts";
import { Endpoints } from "../../src/upstream/endpoints/endpoints.ts";
import { Upstream, type UpstreamOptions } from "../../src/upstream/upstream.ts";
import { unboundedCap, unboundedCrowd } from "./unbounded.ts";

/** An upstream without endpoints, for what only goes by its name and by whose right counts there. */
export function unaskedUpstream(
  name: string,
  views: Partial<Pick<UpstreamOptions, "publicView" | "forwards">> = {},
): Upstream {
  const metrics = new Metrics("0.0.0-test");
  const endpoints = new Endpoints({
    upstream: name,
    endpoints: [],
    offline: false,
    metrics,
    clocks: { now: () => 0, monotonicMs: () => 0 },
    cap: unboundedCap(name),
    probePatienceMs: 0,
  });
  return new Upstream({
    name,
    endpoints,
    metrics,
    publicView: null,
    forStrangers: null,
    forwards: false,
    crowd: unboundedCrowd(name),
    parallelFill: 1,
    ...views,
  });
}
