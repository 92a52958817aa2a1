import type { Log } from "../../telemetry/log.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { UpstreamError } from "../upstream-error.ts";

/**
 * What there was no more of: connections to the upstream, connections of clients that may wait for it, or any for those
 * who come, so that answers that had stalled were ended.
 */
export type Scarce = "connections" | "clients" | "stalled";

export interface RefusalsOptions {
  readonly upstream: string;
  readonly scarce: Scarce;
  readonly log: Log;
  readonly metrics: Metrics;
  /** A clock that never jumps, in ms. */
  readonly monotonicMs: () => number;
}

// What is waited for is had again within seconds, or the upstream is found to be down.
const retryAfterSeconds = "5";

/** What an upstream is not asked for because it is asked for too much: counted, and told in the log when it begins and when it is over. */
export class Refusals {
  readonly #options: RefusalsOptions;
  #count = 0;
  #sinceMs = 0;

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  /** Whether it has begun, and is not over. */
  get areOn(): boolean {
    return this.#count > 0;
  }

  /** `reason` is what follows "is not asked now: ". */
  refuse(reason: string): UpstreamError {
    const { upstream, scarce, log, metrics, monotonicMs } = this.#options;
    metrics.upstreamRefused.inc({ upstream, reason: scarce });
    if (this.#count++ === 0) {
      this.#sinceMs = monotonicMs();
      log.warn({ upstream, scarce, reason }, "pulls are refused, for the upstream is slow");
    }
    return new UpstreamError(upstream, { kind: "busy", reason, retryAfter: retryAfterSeconds });
  }

  end(): void {
    if (this.#count === 0) return;
    const { upstream, scarce, log, monotonicMs } = this.#options;
    const afterMs = Math.round(monotonicMs() - this.#sinceMs);
    const refused = this.#count;
    this.#count = 0;
    log.info({ upstream, scarce, refused, afterMs }, "pulls are refused no more");
  }
}
