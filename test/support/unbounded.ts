import { pino } from "pino";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { type Crowd, Crowds } from "../../src/upstream/crowd.ts";
import { ConnectionCap } from "../../src/upstream/exchange/connection-cap.ts";

/** What nobody in a test is refused by. */
export function unboundedCap(upstream: string): ConnectionCap {
  return new ConnectionCap({ most: Infinity, waitMs: 1_000 }, { upstream, ...tools() });
}

export function unboundedCrowds(): Crowds {
  return new Crowds({ clients: Infinity, ...tools() });
}

export function unboundedCrowd(upstream: string): Crowd {
  return unboundedCrowds().of(upstream);
}

function tools() {
  return {
    log: pino({ level: "silent" }),
    metrics: new Metrics("0.0.0-test"),
    monotonicMs: () => performance.now(),
  };
}
