import type { UpstreamFailure } from "../upstream-error.ts";
import type { Severity } from "./breaker.ts";

// Of the 5xx the one that tells of no trouble: what is asked for does not exist there.
const notImplemented = 501;

// These say that whoever answers is well: one wants to be asked less, the other is asked what has come from there.
const tooManyRequests = 429;
const loopDetected = 508;

/** Whether a status is an answer, whatever it says, and no other endpoint is to be asked for a better one. */
export function isAnswer(status: number): boolean {
  return status === notImplemented || (status < 500 && status !== tooManyRequests);
}

/**
 * What a failure says of the endpoint: "none" where one that is well may answer so too, "unknown" where it was not asked.
 */
export function severityOf(failure: UpstreamFailure): Severity | "none" | "unknown" {
  switch (failure.kind) {
    case "unreachable":
      return "grave";
    case "timeout":
      return failure.phase === "body" ? "slight" : "grave";
    case "cut":
    case "nonsense":
      return "slight";
    case "status":
      return isAnswer(failure.status) || isOfTheWell(failure.status) ? "none" : "slight";
    case "refused":
    case "relayed":
    case "forbidden-hop":
    case "too-large":
      return "none";
    case "exhausted":
    case "credentials":
    case "down":
    case "busy":
    case "guessed":
    case "offline":
      return "unknown";
  }
}

function isOfTheWell(status: number): boolean {
  return status === tooManyRequests || status === loopDetected;
}

/** Whether another endpoint would have no other answer: this one has understood, and means it. */
export function isFinal(failure: UpstreamFailure): boolean {
  return failure.kind === "refused" || (failure.kind === "status" && isAnswer(failure.status));
}
