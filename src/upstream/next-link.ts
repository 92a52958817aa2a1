/**
 * The query of the `Link: <URL>; rel="next"` header (RFC 8288) that leads to the next page of a list, or null. Only the
 * query is taken: where the page is asked for is ours to say, not upstream's.
 */
export function nextQuery(header: string | undefined): URLSearchParams | null {
  for (const [, target = "", parameters = ""] of (header ?? "").matchAll(link)) {
    const url = isNext.test(parameters) ? URL.parse(target, "http://registry.invalid") : null;
    if (url) return url.searchParams;
  }
  return null;
}

// A target, and all that stands before the next one. Both patterns are linear in what they take.
const link = /<([^<>\s]{1,4000})>([^<>]*)/g;
const isNext = /;\s*rel\s*=\s*(?:"next"|next)\s*(?:[;,]|$)/i;
