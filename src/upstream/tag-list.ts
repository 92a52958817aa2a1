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
 * the next page is asked for is ours to say.
 */
export function nextPage(header: string | readonly string[] | undefined): Page | null {
  const text = typeof header === "string" ? header : (header?.[0] ?? "");
  const match = /^\s*<([^<>\s]{1,4000})>\s*;\s*rel="?next"?/.exec(text);
  const url = match?.[1] === undefined ? null : URL.parse(match[1], "http://registry.invalid");
  if (!url) return null;
  const { searchParams } = url;
  return { n: searchParams.get("n"), last: searchParams.get("last") };
}
