import { parseForeignJson } from "../oci/foreign-json.ts";
import type { Page } from "../oci/route.ts";
import { nextQuery } from "./next-link.ts";

export interface TagList {
  /** The JSON document as upstream sent it. */
  readonly bytes: Buffer;
  /** What it lists, in its order. */
  readonly tags: readonly string[];
  /** Where the next page begins; null on the last one. */
  readonly next: Page | null;
}

/** The tags in a document of the spec's "Content discovery": an object with `tags`. null for what is none. */
export function tagsIn(bytes: Buffer): string[] | null {
  const list = parseForeignJson(bytes);
  if (typeof list !== "object" || list === null || !("tags" in list)) return null;
  // docker-registry says null for a repository whose tags are all gone.
  if (list.tags === null) return [];
  return Array.isArray(list.tags) && list.tags.every(isText) ? list.tags : null;
}

/**
 * The page that a `Link: <URL>; rel="next"` header (RFC 8288) points to. Only what names it is taken: where
 * the next page is asked for is ours to say. Without a name there is none: our link would lead to the first page
 * again, and clients round in circles.
 */
export function nextPage(header: string | undefined): Page | null {
  const query = nextQuery(header);
  const last = query?.get("last") || null;
  const token = query?.get("next_page") || null;
  return query && (last ?? token) !== null ? { n: query.get("n"), last, token } : null;
}

function isText(tag: unknown): boolean {
  return typeof tag === "string";
}
