import { DistributionError } from "../oci/distribution-error.ts";
import { causeToldBy, UpstreamError, type UpstreamFailure } from "../upstream/upstream-error.ts";
import { deniedStatus, failedStatus } from "./cache-status.ts";

/** What a client is told of an error. A bug tells it nothing but that it is one. */
export function toDistributionError(error: unknown): DistributionError {
  if (error instanceof DistributionError) return error.code === "DENIED" ? denied(error) : error;
  if (error instanceof UpstreamError) return fromUpstream(error);
  return new DistributionError("UNKNOWN", "an error within the mirror; its log says more", {
    cause: error,
  });
}

/** A mirror behind this one takes the operator's words from here: the answer to a HEAD has no body. */
function denied({ code, message, headers, detail, cause }: DistributionError): DistributionError {
  const told = { "cache-status": deniedStatus(message), ...headers };
  return new DistributionError(code, message, { headers: told, detail, cause });
}

// Trouble of an upstream is never a 404: clients and people would take it for "no such image".
function fromUpstream(error: UpstreamError): DistributionError {
  const { failure, upstream, message } = error;
  if (failure.kind === "refused") return refused(error, failure);
  const status = statusOf(failure);
  return new DistributionError(status === 429 ? "TOOMANYREQUESTS" : "UNAVAILABLE", message, {
    status,
    cause: error,
    headers: { "cache-status": failedStatus(error), ...retryAfterOf(failure) },
    detail: { upstream, ...failure },
  });
}

/**
 * Without upstream's words: a HEAD has none, and is what is asked where the content is here through another repository, so
 * they would tell whether it is. A mirror's are in a header, and the same for both.
 */
function refused(cause: UpstreamError, failure: Refused): DistributionError {
  const { upstream } = cause;
  const wordless = causeToldBy(failure) ? failure : { ...failure, words: "" };
  const told = new UpstreamError(upstream, wordless);
  // Not 401: clients would answer that with credentials, which are none of the mirror's business.
  return new DistributionError("DENIED", told.message, {
    cause,
    headers: { "cache-status": failedStatus(told) },
    detail: { upstream, ...wordless },
  });
}

type Refused = Extract<UpstreamFailure, { kind: "refused" }>;
type Answered = Extract<UpstreamFailure, { kind: "status" | "relayed" }>;
type Unanswered = Exclude<UpstreamFailure, Refused | Answered>;

const statusOfNoAnswer: Readonly<Record<Unanswered["kind"], number>> = {
  timeout: 504,
  exhausted: 503,
  offline: 503,
  down: 503,
  busy: 503,
  guessed: 429,
  unreachable: 502,
  cut: 502,
  "forbidden-hop": 502,
  credentials: 502,
  "too-large": 502,
  nonsense: 502,
};

// What means the same when we say it; whatever else upstream says is a 502.
const passedOn: Readonly<Record<Answered["kind"], readonly number[]>> = {
  status: [429, 503],
  relayed: [429, 503, 504],
};

function statusOf(failure: Answered | Unanswered): number {
  if (!("status" in failure)) return statusOfNoAnswer[failure.kind];
  return passedOn[failure.kind].includes(failure.status) ? failure.status : 502;
}

function retryAfterOf(failure: UpstreamFailure): Record<string, string> {
  // What the mirror itself has too little of, it may have again in a moment.
  if (failure.kind === "exhausted") return { "retry-after": "1" };
  if (!("retryAfter" in failure) || failure.retryAfter === null) return {};
  return { "retry-after": failure.retryAfter };
}
