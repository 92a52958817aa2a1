import type { Page } from "../../oci/route.ts";
import type { TagList } from "../../upstream/tag-list.ts";

export interface NamesPage {
  readonly names: readonly string[];
  /** null on the last page. */
  readonly next: Page | null;
}

// The most that is looked up for one page, however much is asked for.
export const pageLimit = 1_000;

/** How many names a page of what is cached has. */
export function countOf({ n }: Page): number {
  return Math.min(askedCount(n) ?? pageLimit, pageLimit);
}

/** The first `count` of `names`, which begin where the page does; that there are more shows in one more. */
export function firstPage(names: readonly string[], { n }: Page, count: number): NamesPage {
  const page = names.slice(0, count);
  const last = page.at(-1);
  const isLast = last === undefined || names.length <= count;
  return { names: page, next: isLast ? null : { n, last, token: null } };
}

/**
 * The page that was asked for, out of what an upstream without pages gave in its place: all its tags in any order, as
 * distribution 2.8 does. null for what is a page, or whole and in order: that is passed on as it came.
 */
export function pageOutOf({ tags, next }: TagList, page: Page): NamesPage | null {
  const asked = askedCount(page.n);
  const count = asked ?? tags.length;
  if (asked !== 0 && (next || isPage(tags, page, count))) return null;
  const behind = page.last ? tags.filter((tag) => tag > (page.last ?? "")) : tags;
  return firstPage(behind.toSorted(), page, count);
}

// An order of its own is an upstream's right. That it went past `last` shows for sure only in `last` itself, which no next
// page has: some sort by the rules of a language, and who compared by bytes would lose their tags.
function isPage(tags: readonly string[], { last }: Page, count: number): boolean {
  if (tags.length > count) return false;
  return last ? !tags.includes(last) : isAscending(tags, same) || isAscending(tags, lowerCase);
}

function isAscending(tags: readonly string[], as: (tag: string) => string): boolean {
  return tags.every((tag, at) => at === 0 || as(tags[at - 1] ?? "") <= as(tag));
}

function same(tag: string): string {
  return tag;
}

// Distribution spec 1.1, "Listing Tags": "lexical order (i.e. case-insensitive alphanumeric order)".
function lowerCase(tag: string): string {
  return tag.toLowerCase();
}

function askedCount(n: string | null): number | null {
  return n !== null && /^\d{1,9}$/.test(n) ? Number(n) : null;
}
