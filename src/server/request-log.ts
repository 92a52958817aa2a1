import type { IncomingMessage, ServerResponse } from "node:http";
import type { Caller } from "../auth/access-rules.ts";
import { DistributionError } from "../oci/distribution-error.ts";
import { referenceText } from "../oci/reference.ts";
import type { Route } from "../oci/route.ts";
import type { TrafficKind, TrafficOutcome } from "../storage/statistics/traffic.ts";
import type { TrafficMeter } from "../storage/statistics/traffic-meter.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Waits } from "../telemetry/waits.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import type { Target } from "../upstream/upstreams.ts";
import { loggedTarget } from "./logged-target.ts";
import type { Served } from "./served.ts";

/** Everything known about one request when it is over. */
export interface FinishedRequest {
  readonly request: IncomingMessage;
  /** What it is called in the log. */
  readonly requestId: string;
  /** Known from its beginning: a socket that has been closed no longer tells its address. */
  readonly caller: Caller;
  readonly response: ServerResponse;
  readonly route: Route | null;
  readonly target: Target | null;
  readonly served: Served | { readonly error: unknown };
  readonly durationMs: number;
  /** What it has waited for. */
  readonly waits: Waits;
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

/** Writes the one log line of a request and takes its one measurement. */
export function recordRequest(
  finished: FinishedRequest,
  { log, metrics, meter }: RecordingTools,
): void {
  const { served, durationMs, route, target } = finished;
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
    const { address: client } = finished.caller;
    meter.note({ upstream, kind: route.kind, outcome, sentBytes, durationMs, isPull, client });
  }
  const line = lineOf(finished, outcome, sentBytes);
  if ("error" in served) logFailure(served.error, line, log);
  else log.info(line, "request served");
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

function lineOf(
  finished: FinishedRequest,
  outcome: TrafficOutcome,
  sentBytes: number,
): Record<string, unknown> {
  const { request, caller, response, route, target, served, durationMs } = finished;
  return {
    requestId: finished.requestId,
    method: request.method?.slice(0, methodLimitChars),
    target: loggedTarget(request.url ?? ""),
    status: response.statusCode,
    outcome,
    ...(target ? { upstream: target.upstream.name, repository: target.repository } : {}),
    ...(route?.kind === "manifest" ? { reference: referenceText(route.reference) } : {}),
    ...(route?.kind === "blob" ? { digest: route.digest } : {}),
    sentBytes,
    durationMs: Math.round(durationMs * 10) / 10,
    client: caller.address,
    ...(caller.user === null ? {} : { user: caller.user }),
    ...(request.httpVersionMajor === 2 ? { http: 2 } : {}),
    ...remarksOn(served),
    ...waitsOf(finished),
  };
}

/** Why a pull that was slow was so, and what one that failed had waited for. */
function waitsOf({ served, durationMs, waits }: FinishedRequest): Record<string, unknown> {
  if (!("error" in served) && durationMs < slowMs) return {};
  const waitedMs = waits.told;
  return Object.keys(waitedMs).length === 0 ? {} : { waitedMs };
}

function remarksOn(served: FinishedRequest["served"]): Record<string, unknown> {
  if ("error" in served) return {};
  const { left, outcome } = served;
  return {
    ...(left === null ? {} : { left }),
    ...(outcome?.kind === "stale" ? { stale: outcome.reason } : {}),
    ...(outcome?.kind === "bypass" ? { rule: outcome.rule } : {}),
  };
}
