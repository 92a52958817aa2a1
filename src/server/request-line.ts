import { referenceText } from "../oci/reference.ts";
import type { Route } from "../oci/route.ts";
import type { TrafficOutcome } from "../storage/statistics/traffic.ts";
import type { Waits } from "../telemetry/waits.ts";
import type { Exchange } from "./exchange.ts";
import { loggedTarget } from "./logged-target.ts";
import type { Failed, Served } from "./served.ts";

/** Everything known about one request when it is over. */
export interface FinishedRequest {
  readonly exchange: Exchange;
  readonly served: Served | Failed;
  readonly durationMs: number;
}

// Over HTTP/2 clients choose that too.
const methodLimitChars = 32;

// People notice it from here on.
const slowMs = 1_000;

/** What the line says of one target of a request. Without its logins, which nothing here may keep. */
interface Asked {
  readonly upstream: string | undefined;
  readonly repository: string | undefined;
  readonly text: string;
}

/** What the lines of requests say, as text: what many of them have in common is made text once. */
export class RequestLines {
  /** Goes when nobody remembers the route any more. */
  readonly #asked = new WeakMap<Route, Asked>();

  /** The fields as JSON, each with a comma before it. What is undefined is left out. */
  fieldsOf(finished: FinishedRequest, outcome: TrafficOutcome, sentBytes: number): string {
    const { exchange, durationMs } = finished;
    const { request, requestId, caller, response } = exchange;
    const { address, user } = caller;
    return (
      `,"requestId":${JSON.stringify(requestId)}` +
      field("method", request.method?.slice(0, methodLimitChars)) +
      this.#askedBy(exchange) +
      `,"status":${response.statusCode},"outcome":"${outcome}","sentBytes":${sentBytes}` +
      `,"durationMs":${Math.round(durationMs * 10) / 10}` +
      field("client", address) +
      field("user", user ?? undefined) +
      field("http", request.httpVersionMajor === 2 ? 2 : undefined) +
      remarksOn(finished)
    );
  }

  #askedBy({ request, route, target }: Exchange): string {
    const upstream = target?.upstream.name;
    const repository = target?.repository;
    const known = route && this.#asked.get(route);
    // A route is of one target, but the host can say which upstream is meant.
    if (known && known.upstream === upstream && known.repository === repository) return known.text;
    const text =
      field("target", loggedTarget(request.url ?? "")) +
      field("upstream", upstream) +
      field("repository", repository) +
      field("reference", route?.kind === "manifest" ? referenceText(route.reference) : undefined) +
      field("digest", route?.kind === "blob" ? route.digest : undefined);
    if (route) this.#asked.set(route, { upstream, repository, text });
    return text;
  }
}

function field(name: string, value: unknown): string {
  return value === undefined ? "" : `,"${name}":${JSON.stringify(value)}`;
}

function remarksOn(finished: FinishedRequest): string {
  const { served } = finished;
  const waited = field("waitedMs", waitsOf(finished));
  if ("error" in served) return waited;
  const { left, outcome } = served;
  return (
    field("left", left ?? undefined) +
    field("stale", outcome?.kind === "stale" ? outcome.reason : undefined) +
    field("rule", outcome?.kind === "bypass" ? outcome.rule : undefined) +
    waited
  );
}

/** Why a pull that was slow was so, and what one that failed had waited for. */
function waitsOf({ exchange, served, durationMs }: FinishedRequest): Waits["told"] | undefined {
  if (!exchange.waits || (!("error" in served) && durationMs < slowMs)) return undefined;
  const waitedMs = exchange.waits.told;
  return Object.keys(waitedMs).length === 0 ? undefined : waitedMs;
}
