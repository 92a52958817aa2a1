import type { Accept } from "../oci/accept.ts";
import type { Digest } from "../oci/digest.ts";
import { manifestMediaTypes } from "../oci/manifest.ts";
import { type Reference, referenceText } from "../oci/reference.ts";
import { referrersMediaType } from "../oci/referrer.ts";
import type { Page } from "../oci/route.ts";
import type { Ask } from "./endpoints/endpoint.ts";
import type { Place } from "./exchange/place.ts";

// All of them, whatever the client asked with, unless it does not take what that gives: what a short list returns would
// poison the tag for others.
const acceptManifests = [...manifestMediaTypes, "*/*"].join(", ");

/** `accept` is what to ask for; any type if it takes any. */
export function manifestAsk(
  method: "GET" | "HEAD",
  place: Place,
  { reference, accept }: { readonly reference: Reference; readonly accept: Accept },
): Ask {
  return {
    kind: "manifest",
    method,
    repository: place.repository,
    login: place.login,
    path: `manifests/${referenceText(reference)}`,
    headers: { accept: accept.list || acceptManifests, ...loopHeader(place) },
    trust: reference.kind === "digest" ? "by-digest" : "unverified",
  };
}

export function blobAsk(
  method: "GET" | "HEAD",
  place: Place,
  digest: Digest,
  headers: Readonly<Record<string, string>>,
): Ask {
  return {
    kind: "blob",
    method,
    repository: place.repository,
    login: place.login,
    path: `blobs/${digest}`,
    headers: { ...headers, ...loopHeader(place) },
    trust: "by-digest",
  };
}

export function tagsAsk(place: Place, { n, last, token }: Page): Ask {
  const query = new URLSearchParams({
    ...(n === null ? {} : { n }),
    ...(last === null ? {} : { last }),
    ...(token === null ? {} : { next_page: token }),
  });
  const path = query.size === 0 ? "tags/list" : `tags/list?${query}`;
  const headers = { accept: "application/json", ...loopHeader(place) };
  const { repository, login } = place;
  return { kind: "tags", method: "GET", repository, login, path, headers, trust: "unverified" };
}

/** `query` is what stands behind the "?", "" for nothing. */
export function referrersAsk(place: Place, subject: Digest, query: string): Ask {
  const path = query === "" ? `referrers/${subject}` : `referrers/${subject}?${query}`;
  const headers = { accept: referrersMediaType, ...loopHeader(place) };
  const { repository, login } = place;
  return {
    kind: "referrers",
    method: "GET",
    repository,
    login,
    path,
    headers,
    trust: "unverified",
  };
}

/** RFC 8586: who has forwarded the question, so that one that has come round is noticed. */
function loopHeader({ via }: Place): Record<string, string> {
  return via === "" ? {} : { "cdn-loop": via };
}
