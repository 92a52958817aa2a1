import type { PullOutcome } from "../mirror/pull-outcome.ts";

/** The `Cache-Status` header (RFC 9211) that says how a pull was answered. */
export function cacheStatus(outcome: PullOutcome): string {
  return ["sluice", ...parametersOf(outcome)].join("; ");
}

function parametersOf(outcome: PullOutcome): string[] {
  switch (outcome.kind) {
    // RFC 9211, section 2.4: a negative ttl is how long ago freshness ended.
    case "hit":
      return outcome.tag === null ? ["hit"] : ["hit", ttl(outcome.tag.ttlMs)];
    case "miss":
      return outcome.stored ? ["fwd=miss", "stored"] : ["fwd=miss"];
    case "collapsed":
      return ["fwd=miss", "collapsed"];
    case "revalidated":
      return ["fwd=stale", ttl(outcome.ttlMs), "detail=revalidated"];
    case "stale": {
      const detail = `detail=${quoted(outcome.reason)}`;
      return outcome.tag === null
        ? ["fwd=stale", detail]
        : ["fwd=stale", ttl(outcome.tag.ttlMs), detail];
    }
  }
}

function ttl(durationMs: number): string {
  return `ttl=${Math.trunc(durationMs / 1000)}`;
}

// A string of RFC 8941: printable ASCII, quotes and backslashes escaped.
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&")}"`;
}
