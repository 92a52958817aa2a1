import type { Log } from "../telemetry/log.ts";
import type { BreakerState } from "../upstream/endpoints/breaker.ts";

type OnChange = (state: BreakerState, before: BreakerState) => void;

/** Shows in the log when an endpoint is left alone, and when it is asked again. */
export function tellOfBreakers(
  about: { readonly upstream: string; readonly endpoint: string },
  { log, monotonicMs }: { readonly log: Log; readonly monotonicMs: () => number },
): OnChange {
  return (state, before) => {
    const nowMs = monotonicMs();
    if (state.kind === "closed" && before.kind !== "closed") {
      log.info({ ...about, afterMs: Math.round(nowMs - before.sinceMs) }, "endpoint answers again");
    }
    if (state.kind === "open" && before.kind === "closed") {
      const { reason, untilMs } = state;
      log.warn({ ...about, forMs: Math.round(untilMs - nowMs), reason }, "endpoint left alone");
    }
  };
}
