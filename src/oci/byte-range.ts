/** The bytes `first` to `last`, both included, as in `Content-Range`. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

export type RangeRequest =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly range: ByteRange }
  | { readonly kind: "unsatisfiable" };

// 15 digits stay below 2^53; a longer number is no position in any blob.
const single = /^bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))$/;

/**
 * What a `Range` header asks of a body of `sizeBytes` (RFC 9110, section 14). Several ranges, another
 * unit and anything malformed ask for the whole body: a server may ignore the header.
 */
export function resolveRange(header: string | undefined, sizeBytes: number): RangeRequest {
  const match = header === undefined ? null : single.exec(header);
  if (!match) return { kind: "whole" };
  const [, first, last, suffix] = match;
  if (suffix !== undefined) return suffixOf(Number(suffix), sizeBytes);
  if (last && Number(last) < Number(first)) return { kind: "whole" };
  if (Number(first) >= sizeBytes) return { kind: "unsatisfiable" };
  const end = last ? Math.min(Number(last), sizeBytes - 1) : sizeBytes - 1;
  return { kind: "part", range: { first: Number(first), last: end } };
}

function suffixOf(lengthBytes: number, sizeBytes: number): RangeRequest {
  if (lengthBytes === 0 || sizeBytes === 0) return { kind: "unsatisfiable" };
  return {
    kind: "part",
    range: { first: Math.max(0, sizeBytes - lengthBytes), last: sizeBytes - 1 },
  };
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
