import { DistributionError } from "../oci/distribution-error.ts";
import type { Route } from "../oci/route.ts";
import type { TrafficKind, TrafficOutcome } from "../storage/statistics/traffic.ts";
import type { TrafficMeter } from "../storage/statistics/traffic-meter.ts";
import { InfoLines } from "../telemetry/info-lines.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { type FinishedRequest, RequestLines } from "./request-line.ts";

export interface RecordingTools {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly meter: TrafficMeter;
}

/** Writes the one log line of each request and takes its one measurement. */
export class RequestLog {
  readonly #tools: RecordingTools;
  readonly #lines = new RequestLines();
  readonly #served: InfoLines;

  constructor(tools: RecordingTools) {
    this.#tools = tools;
    this.#served = new InfoLines(tools.log);
  }

  record(finished: FinishedRequest): void {
    const { log, metrics, meter } = this.#tools;
    const { served, durationMs, exchange } = finished;
    const { route, target } = exchange;
    const sentBytes = "error" in served ? 0 : served.sentBytes;
    const outcome = outcomeOf(served);
    const kind = route?.kind ?? "other";
    const labels = { upstream: target?.upstream.name ?? "", kind, outcome };
    metrics.requestCounts.note(labels, sentBytes);
    metrics.requestDuration.observe(labels, durationMs / 1000);
    if (target && route && isMetered(route.kind) && !isChallenge(served)) {
      const { name: upstream } = target.upstream;
      const isPull = "isPull" in served && served.isPull;
      const { address: client } = exchange.caller;
      meter.note({ upstream, kind: route.kind, outcome, sentBytes, durationMs, isPull, client });
    }
    const fields = this.#lines.fieldsOf(finished, outcome, sentBytes);
    if ("error" in served) logFailure(served.error, fields, log);
    else this.#served.write(fields, "request served");
  }
}

function isMetered(kind: Route["kind"]): kind is TrafficKind {
  return kind !== "base" && kind !== "catalog";
}

function outcomeOf(served: FinishedRequest["served"]): TrafficOutcome {
  if (isChallenge(served)) return "none";
  if ("error" in served) return "error";
  return served.outcome?.kind ?? "none";
}

/** What clients with a login are asked for before they send it is no error. */
function isChallenge(served: FinishedRequest["served"]): boolean {
  return (
    "error" in served &&
    served.error instanceof DistributionError &&
    served.error.code === "UNAUTHORIZED"
  );
}

/** A bug needs its stack; what a client asked wrongly, or an upstream would not give, is told by its message. */
function logFailure(error: unknown, fields: string, log: Log): void {
  const line: Record<string, unknown> = JSON.parse(`{${fields.slice(1)}}`);
  if (error instanceof DistributionError)
    log.info({ ...line, reason: error.message }, "request refused");
  else if (error instanceof UpstreamError)
    log.warn({ ...line, reason: error.message }, "upstream failed");
  else log.error({ ...line, err: error }, "request failed");
}
