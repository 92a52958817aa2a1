import type { PullOutcome, TagAge } from "../mirror/pull-outcome.ts";

/** The `Cache-Status` header (RFC 9211) that says how a pull was answered. */
export function cacheStatus(outcome: PullOutcome): string {
  return ["sluice", ...parametersOf(outcome)].join("; ");
}

function parametersOf(outcome: PullOutcome): string[] {
  switch (outcome.kind) {
    // RFC 9211, section 2.4: a negative ttl is how long ago freshness ended.
    case "hit":
      return ["hit", ...ofTag(outcome.tag), ...byRule(outcome.tag?.rule ?? null)];
    case "miss":
      return outcome.stored ? ["fwd=miss", "stored"] : ["fwd=miss"];
    case "bypass":
      return ["fwd=bypass", ...byRule(outcome.rule)];
    case "collapsed":
      return ["fwd=miss", "collapsed"];
    case "revalidated":
      return ["fwd=stale", ...ttl(outcome.ttlMs), "detail=revalidated"];
    case "stale": {
      return ["fwd=stale", ...ofTag(outcome.tag), `detail=${quoted(outcome.reason)}`];
    }
  }
}

function ofTag(tag: TagAge | null): string[] {
  return tag === null ? [] : ttl(tag.ttlMs);
}

function byRule(place: string | null): string[] {
  return place === null ? [] : [`detail=${quoted(place)}`];
}

// What is believed for good has no number.
function ttl(durationMs: number): string[] {
  return Number.isFinite(durationMs) ? [`ttl=${Math.trunc(durationMs / 1000)}`] : [];
}

// A string of RFC 8941: printable ASCII, quotes and backslashes escaped.
function quoted(text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&")}"`;
}
