import type { PullOutcome, TagAge } from "../mirror/pull-outcome.ts";
import { causeToldBy, type UpstreamError } from "../upstream/upstream-error.ts";

/**
 * The `Cache-Status` header (RFC 9211) that says how a pull was answered: what the caches on the registry's side said of it,
 * and then this one.
 */
export function cacheStatus(outcome: PullOutcome): string {
  const own = `sluice; ${parametersOf(outcome).join("; ")}`;
  const before = "before" in outcome ? outcome.before : null;
  return before === null ? own : `${before}, ${own}`;
}

/** The same for a pull that an upstream's trouble has ended: a mirror behind this one takes the cause from here. */
export function failedStatus({ failure, message }: UpstreamError): string {
  const status = "status" in failure ? [`fwd-status=${failure.status}`] : [];
  const cause = causeToldBy(failure)?.words ?? message;
  return ["sluice", "fwd=miss", ...status, `detail=${quoted(cause)}`].join("; ");
}

/** The same for what this mirror does not give. */
export function deniedStatus(reason: string): string {
  return ["sluice", `detail=${quoted(reason)}`].join("; ");
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
