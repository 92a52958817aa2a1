import { DistributionError } from "../../oci/distribution-error.ts";
import type { Metrics } from "../../telemetry/metrics.ts";

// Each holds a connection to the upstream and up to a few MiB. A full disk must not turn every pull of a large site
// into a download.
const passesLimit = 100;

/** Counts, by upstream, the pulls that pass through unstored, and refuses those beyond a limit. */
export class PassLimit {
  readonly #metrics: Metrics;
  readonly #running = new Map<string, number>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** Takes a place until disposed. Throws DistributionError UNAVAILABLE if there is none. */
  enter(upstream: string): Disposable {
    const running = this.#running.get(upstream) ?? 0;
    if (running >= passesLimit) {
      throw new DistributionError(
        "UNAVAILABLE",
        `the mirror's disk takes nothing more and ${running} pulls from ${upstream} pass through already`,
        { headers: { "retry-after": "10" } },
      );
    }
    this.#running.set(upstream, running + 1);
    this.#metrics.unstoredPulls.inc({ upstream });
    return { [Symbol.dispose]: () => this.#leave(upstream) };
  }

  #leave(upstream: string): void {
    this.#running.set(upstream, (this.#running.get(upstream) ?? 1) - 1);
  }
}
