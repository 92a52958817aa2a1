import type { PullOutcome } from "../mirror/pull-outcome.ts";

/** The `Cache-Status` header (RFC 9211) that says how a pull was answered. */
export function cacheStatus(outcome: PullOutcome): string {
  return ["sluice", ...parametersOf(outcome)].join("; ");
}

function parametersOf(outcome: PullOutcome): string[] {
  switch (outcome.kind) {
    case "hit":
      return outcome.ttlMs === null ? ["hit"] : ["hit", `ttl=${seconds(outcome.ttlMs)}`];
    case "miss":
      return outcome.stored ? ["fwd=miss", "stored"] : ["fwd=miss"];
    case "collapsed":
      return ["fwd=miss", "collapsed"];
    case "revalidated":
      return ["fwd=stale", `ttl=${seconds(outcome.ttlMs)}`, "detail=revalidated"];
    // RFC 9211, section 2.4: a negative ttl is how long ago freshness ended.
    case "stale":
      return ["fwd=stale", `ttl=-${seconds(outcome.staleMs)}`, `detail=${quoted(outcome.reason)}`];
  }
}

function seconds(durationMs: number): number {
  return Math.floor(durationMs / 1000);
}

// A string of RFC 8941: printable ASCII, quotes and backslashes escaped.
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&")}"`;
}
