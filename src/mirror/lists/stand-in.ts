import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { PullOutcome } from "../pull-outcome.ts";

/**
 * How a list of what is cached was answered that stands in for upstream's after `error`; null where none may: upstream has
 * refused, which is an answer.
 */
export function standInFor(error: unknown): PullOutcome | null {
  if (!(error instanceof UpstreamError) || error.failure.kind === "refused") return null;
  return { kind: "stale", tag: null, reason: error.message };
}
