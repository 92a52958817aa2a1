import type { IncomingMessage } from "node:http";
import type { PullOutcome } from "../mirror/pull-outcome.ts";
import type { Digest } from "../oci/digest.ts";
import { cacheStatus } from "./cache-status.ts";

// What upstreams send is served from the mirror's own origin: no browser may take it for a page or a script.
export const untrustedContentHeaders: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "sandbox",
};

export function etagOf(digest: Digest): string {
  return `"${digest}"`;
}

/** The headers that every answer with, or about, content carries. */
export function pullHeaders(digest: Digest, outcome: PullOutcome): Record<string, string> {
  return { ...contentHeaders(digest), "cache-status": cacheStatus(outcome) };
}

/** Those of them that say nothing of how it was answered. */
export function contentHeaders(digest: Digest): Record<string, string> {
  return { ...untrustedContentHeaders, "docker-content-digest": digest, etag: etagOf(digest) };
}

/**
 * `Age` of RFC 9111, section 5.1, in seconds: for how long what a tag means was not checked, by this mirror or one before it. What a digest means
 * has no age.
 */
export function ageOfTag(outcome: PullOutcome): string {
  return String(Math.floor(ageMsOf(outcome) / 1000));
}

function ageMsOf(outcome: PullOutcome): number {
  if ("ageMs" in outcome) return outcome.ageMs;
  return "tag" in outcome ? (outcome.tag?.ageMs ?? 0) : 0;
}

/** Whether the client has this content already (RFC 9110, section 13.1.2; a digest is a strong validator). */
export function isNotModified(request: IncomingMessage, digest: Digest): boolean {
  const header = request.headers["if-none-match"];
  if (header === undefined) return false;
  const candidates = header.split(",").map((candidate) => candidate.trim().replace(/^W\//, ""));
  return candidates.includes("*") || candidates.includes(etagOf(digest));
}
