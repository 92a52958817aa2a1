/** The bytes `first` to `last`, both included, as in `Content-Range`. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

export type RangeRequest =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly range: ByteRange }
  /** Two or more, in ascending order, none reaching into the next. */
  | { readonly kind: "parts"; readonly ranges: readonly ByteRange[] }
  | { readonly kind: "unsatisfiable" };

// What lazy pullers ask for at most: containers/image limits itself to 1024 missing chunks.
const rangesLimit = 1024;

// 15 digits stay below 2^53; a longer number is no position in any blob.
const oneRange = /^[ \t]*(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))[ \t]*$/;

/**
 * What a `Range` header asks of a body of `sizeBytes` (RFC 9110, section 14). Another unit, anything malformed, and
 * ranges that overlap or are out of order ask for the whole body: a server may ignore the header, and such ranges
 * only serve to make it send more than there is.
 */
export function resolveRange(header: string | undefined, sizeBytes: number): RangeRequest {
  if (!header?.startsWith("bytes=")) return { kind: "whole" };
  const asked = header.slice("bytes=".length).split(",", rangesLimit + 1);
  const ranges = asked.map((text) => parseRange(text, sizeBytes));
  if (asked.length > rangesLimit || ranges.includes("malformed")) return { kind: "whole" };
  const satisfiable = ranges.filter((range) => typeof range === "object");
  const [only, second] = satisfiable;
  if (!only) return { kind: "unsatisfiable" };
  if (!second) return { kind: "part", range: only };
  return isAscending(satisfiable) ? { kind: "parts", ranges: satisfiable } : { kind: "whole" };
}

function parseRange(text: string, sizeBytes: number): ByteRange | "unsatisfiable" | "malformed" {
  const match = oneRange.exec(text);
  if (!match) return "malformed";
  const [, first = "", last = "", suffix] = match;
  if (suffix !== undefined) return suffixOf(Number(suffix), sizeBytes);
  if (last !== "" && Number(last) < Number(first)) return "malformed";
  if (Number(first) >= sizeBytes) return "unsatisfiable";
  const end = last === "" ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  return { first: Number(first), last: end };
}

function suffixOf(lengthBytes: number, sizeBytes: number): ByteRange | "unsatisfiable" {
  if (lengthBytes === 0 || sizeBytes === 0) return "unsatisfiable";
  return { first: Math.max(0, sizeBytes - lengthBytes), last: sizeBytes - 1 };
}

function isAscending(ranges: readonly ByteRange[]): boolean {
  return ranges.every((range, at) => at === 0 || range.first > (ranges[at - 1]?.last ?? 0));
}

/** A `Content-Range` header: the bytes `first` to `last` of content of `sizeBytes`, null where it is not told. */
export interface ContentRange extends ByteRange {
  readonly sizeBytes: number | null;
}

const contentRange = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/;

/** Reads a `Content-Range` header of a 206 answer; null for what is none, or contradicts itself. */
export function parseContentRange(header: string | undefined): ContentRange | null {
  const match = header === undefined ? null : contentRange.exec(header);
  if (!match) return null;
  const [first, last] = [Number(match[1]), Number(match[2])];
  const sizeBytes = match[3] === "*" ? null : Number(match[3]);
  const possible = first <= last && (sizeBytes === null || last < sizeBytes);
  return possible ? { first, last, sizeBytes } : null;
}
