import { DistributionError } from "../oci/distribution-error.ts";
import { referenceText } from "../oci/reference.ts";
import type { Route } from "../oci/route.ts";
import type { TrafficKind, TrafficOutcome } from "../storage/statistics/traffic.ts";
import type { TrafficMeter } from "../storage/statistics/traffic-meter.ts";
import { InfoLines } from "../telemetry/info-lines.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Waits } from "../telemetry/waits.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import type { Exchange } from "./exchange.ts";
import { loggedTarget } from "./logged-target.ts";
import type { Failed, Served } from "./served.ts";

/** Everything known about one request when it is over. */
export interface FinishedRequest {
  readonly exchange: Exchange;
  readonly served: Served | Failed;
  readonly durationMs: number;
}

export interface RecordingTools {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly meter: TrafficMeter;
}

// Over HTTP/2 clients choose that too.
const methodLimitChars = 32;

// People notice it from here on.
const slowMs = 1_000;

/** Writes the one log line of each request and takes its one measurement. */
export class RequestLog {
  readonly #tools: RecordingTools;
  readonly #lines: InfoLines;

  constructor(tools: RecordingTools) {
    this.#tools = tools;
    this.#lines = new InfoLines(tools.log);
  }

  record(finished: FinishedRequest): void {
    const { log, metrics, meter } = this.#tools;
    const { served, durationMs, exchange } = finished;
    const { route, target } = exchange;
    const sentBytes = "error" in served ? 0 : served.sentBytes;
    const outcome = outcomeOf(served);
    const kind = route?.kind ?? "other";
    const labels = { upstream: target?.upstream.name ?? "", kind, outcome };
    metrics.requests.inc(labels);
    metrics.requestDuration.observe({ kind, outcome }, durationMs / 1000);
    if (sentBytes > 0) metrics.sentBytes.inc(labels, sentBytes);
    if (target && route && isMetered(route.kind) && !isChallenge(served)) {
      const { name: upstream } = target.upstream;
      const isPull = "isPull" in served && served.isPull;
      const { address: client } = exchange.caller;
      meter.note({ upstream, kind: route.kind, outcome, sentBytes, durationMs, isPull, client });
    }
    const line = lineOf(finished, outcome, sentBytes);
    if ("error" in served) logFailure(served.error, line, log);
    else this.#lines.write(line, "request served");
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
function logFailure(error: unknown, line: Record<string, unknown>, log: Log): void {
  if (error instanceof DistributionError)
    log.info({ ...line, reason: error.message }, "request refused");
  else if (error instanceof UpstreamError)
    log.warn({ ...line, reason: error.message }, "upstream failed");
  else log.error({ ...line, err: error }, "request failed");
}

/** What is undefined is left out of the line. */
function lineOf(
  finished: FinishedRequest,
  outcome: TrafficOutcome,
  sentBytes: number,
): Record<string, unknown> {
  const { exchange, served, durationMs } = finished;
  const { request, requestId, caller, response, route, target } = exchange;
  return {
    requestId,
    method: request.method?.slice(0, methodLimitChars),
    target: loggedTarget(request.url ?? ""),
    status: response.statusCode,
    outcome,
    upstream: target?.upstream.name,
    repository: target?.repository,
    reference: route?.kind === "manifest" ? referenceText(route.reference) : undefined,
    digest: route?.kind === "blob" ? route.digest : undefined,
    sentBytes,
    durationMs: Math.round(durationMs * 10) / 10,
    client: caller.address,
    user: caller.user ?? undefined,
    http: request.httpVersionMajor === 2 ? 2 : undefined,
    ...remarksOn(served),
    waitedMs: waitsOf(finished),
  };
}

/** Why a pull that was slow was so, and what one that failed had waited for. */
function waitsOf({ exchange, served, durationMs }: FinishedRequest): Waits["told"] | undefined {
  if (!exchange.waits || (!("error" in served) && durationMs < slowMs)) return undefined;
  const waitedMs = exchange.waits.told;
  return Object.keys(waitedMs).length === 0 ? undefined : waitedMs;
}

function remarksOn(served: FinishedRequest["served"]): Record<string, unknown> {
  if ("error" in served) return {};
  const { left, outcome } = served;
  return {
    left: left ?? undefined,
    stale: outcome?.kind === "stale" ? outcome.reason : undefined,
    rule: outcome?.kind === "bypass" ? outcome.rule : undefined,
  };
}
