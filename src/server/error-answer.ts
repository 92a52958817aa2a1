import { DistributionError } from "../oci/distribution-error.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";

/** What a client is told of an error. A bug tells it nothing but that it is one. */
export function toDistributionError(error: unknown): DistributionError {
  if (error instanceof DistributionError) return error;
  if (error instanceof UpstreamError) return fromUpstream(error);
  return new DistributionError("UNKNOWN", "an error within the mirror; its log says more", {
    cause: error,
  });
}

// Trouble of an upstream is never a 404: clients and people would take it for "no such image".
function fromUpstream(error: UpstreamError): DistributionError {
  const { failure, upstream, message } = error;
  const options = { cause: error, detail: { upstream, ...failure } };
  switch (failure.kind) {
    case "refused": {
      // Without upstream's words: a HEAD has none, and is what is asked where the content is here through another
      // repository, so they would tell whether it is.
      const wordless = { ...failure, words: "" };
      const { message: told } = new UpstreamError(upstream, wordless);
      // Not 401: clients would answer that with credentials, which are none of the mirror's business.
      return new DistributionError("DENIED", told, {
        cause: error,
        detail: { upstream, ...wordless },
      });
    }
    case "timeout":
      return new DistributionError("UNAVAILABLE", message, { ...options, status: 504 });
    case "status": {
      const headers = failure.retryAfter === null ? {} : { "retry-after": failure.retryAfter };
      if (failure.status === 429)
        return new DistributionError("TOOMANYREQUESTS", message, { ...options, headers });
      return new DistributionError("UNAVAILABLE", message, {
        ...options,
        headers,
        status: failure.status === 503 ? 503 : 502,
      });
    }
    case "down":
      return new DistributionError("UNAVAILABLE", message, {
        ...options,
        headers: { "retry-after": failure.retryAfter },
        status: 503,
      });
    case "unreachable":
    case "cut":
    case "forbidden-hop":
    case "credentials":
    case "too-large":
    case "nonsense":
      return new DistributionError("UNAVAILABLE", message, { ...options, status: 502 });
  }
}
