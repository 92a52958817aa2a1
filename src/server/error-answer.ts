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
  const headers = { "cache-status": failedStatus(error), ...retryAfterOf(failure) };
  const options = { cause: error, headers, detail: { upstream, ...failure } };
  switch (failure.kind) {
    case "refused": {
      // Without upstream's words: a HEAD has none, and is what is asked where the content is here through another
      // repository, so they would tell whether it is. A mirror's are in a header, and the same for both.
      const wordless = causeToldBy(failure) ? failure : { ...failure, words: "" };
      const told = new UpstreamError(upstream, wordless);
      // Not 401: clients would answer that with credentials, which are none of the mirror's business.
      return new DistributionError("DENIED", told.message, {
        cause: error,
        headers: { "cache-status": failedStatus(told) },
        detail: { upstream, ...wordless },
      });
    }
    case "timeout":
      return new DistributionError("UNAVAILABLE", message, { ...options, status: 504 });
    case "status":
      if (failure.status === 429) return new DistributionError("TOOMANYREQUESTS", message, options);
      return new DistributionError("UNAVAILABLE", message, {
        ...options,
        status: failure.status === 503 ? 503 : 502,
      });
    case "relayed":
      if (failure.status === 429) return new DistributionError("TOOMANYREQUESTS", message, options);
      return new DistributionError("UNAVAILABLE", message, {
        ...options,
        status: failure.status === 503 || failure.status === 504 ? failure.status : 502,
      });
    case "exhausted":
      return new DistributionError("UNAVAILABLE", message, {
        ...options,
        status: 503,
        headers: { ...headers, "retry-after": "1" },
      });
    case "offline":
      return new DistributionError("UNAVAILABLE", message, { ...options, status: 503 });
    case "down":
    case "busy":
      return new DistributionError("UNAVAILABLE", message, { ...options, status: 503 });
    case "unreachable":
    case "cut":
    case "forbidden-hop":
    case "credentials":
    case "too-large":
    case "nonsense":
      return new DistributionError("UNAVAILABLE", message, { ...options, status: 502 });
  }
}

function retryAfterOf(failure: UpstreamFailure): Record<string, string> {
  if (!("retryAfter" in failure) || failure.retryAfter === null) return {};
  return { "retry-after": failure.retryAfter };
}
