import type { Digest } from "../oci/digest.ts";
import { manifestMediaTypes } from "../oci/manifest.ts";
import { type Reference, referenceText } from "../oci/reference.ts";
import type { Repository } from "../oci/repository.ts";
import type { Page } from "../oci/route.ts";
import type { Ask } from "./endpoint.ts";

// All of them, whatever the client asked with: what a short list returns would poison the tag for others.
const acceptManifests = [...manifestMediaTypes, "*/*"].join(", ");

export function manifestAsk(
  method: "GET" | "HEAD",
  repository: Repository,
  reference: Reference,
): Ask {
  return {
    kind: "manifest",
    method,
    repository,
    path: `manifests/${referenceText(reference)}`,
    headers: { accept: acceptManifests },
    trust: reference.kind === "digest" ? "by-digest" : "unverified",
  };
}

export function blobAsk(
  method: "GET" | "HEAD",
  repository: Repository,
  digest: Digest,
  headers: Readonly<Record<string, string>>,
): Ask {
  return { kind: "blob", method, repository, path: `blobs/${digest}`, headers, trust: "by-digest" };
}

export function tagsAsk(repository: Repository, { n, last }: Page): Ask {
  const query = new URLSearchParams({
    ...(n === null ? {} : { n }),
    ...(last === null ? {} : { last }),
  });
  const path = query.size === 0 ? "tags/list" : `tags/list?${query}`;
  const headers = { accept: "application/json" };
  return { kind: "tags", method: "GET", repository, path, headers, trust: "unverified" };
}
