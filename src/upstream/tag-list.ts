import type { Page } from "../oci/route.ts";

export interface TagList {
  /** The JSON document as upstream sent it. */
  readonly bytes: Buffer;
  /** Where the next page begins; null on the last one. */
  readonly next: Page | null;
}

/** Whether the bytes are a document of the spec's "Content discovery": an object with `tags`. */
export function isTagList(bytes: Buffer): boolean {
  try {
    const list: unknown = JSON.parse(bytes.toString("utf8"));
    // docker-registry says null for a repository whose tags are all gone.
    return (
      typeof list === "object" &&
      list !== null &&
      "tags" in list &&
      (list.tags === null || Array.isArray(list.tags))
    );
  } catch {
    return false;
  }
}

/**
 * The page that a `Link: <URL>; rel="next"` header (RFC 8288) points to. Only its `n` and `last` are taken: where
 * the next page is asked for is ours to say. Without `last` there is none: our link would lead to the first page
 * again, and clients round in circles.
 */
export function nextPage(header: string | undefined): Page | null {
  for (const [, target = "", parameters = ""] of (header ?? "").matchAll(link)) {
    const url = isNext.test(parameters) ? URL.parse(target, "http://registry.invalid") : null;
    const last = url?.searchParams.get("last");
    if (url && last) return { n: url.searchParams.get("n"), last };
  }
  return null;
}

// A target, and all that stands before the next one. Both patterns are linear in what they take.
const link = /<([^<>\s]{1,4000})>([^<>]*)/g;
const isNext = /;\s*rel\s*=\s*(?:"next"|next)\s*(?:[;,]|$)/i;
