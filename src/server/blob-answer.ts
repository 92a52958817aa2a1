import { randomUUID } from "node:crypto";
import { type ByteRange, resolveRange } from "../oci/byte-range.ts";
import { DistributionError } from "../oci/distribution-error.ts";

/** A piece of a body: content, all of it where `range` is null, or what multipart puts between. */
export type Segment =
  | { readonly kind: "content"; readonly range: ByteRange | null }
  | { readonly kind: "frame"; readonly bytes: Buffer };

/** How a GET of a blob is answered. */
export interface BlobAnswer {
  readonly status: 200 | 206;
  readonly headers: Readonly<Record<string, string>>;
  readonly segments: readonly Segment[];
}

export const contentType = "application/octet-stream";

/**
 * The answer to a `Range` header for content of `sizeBytes`. Where that is not known there are no parts. Throws
 * DistributionError RANGE_INVALID for a range behind the end.
 */
export function answerOf(range: string | undefined, sizeBytes: number | null): BlobAnswer {
  if (sizeBytes === null)
    return { status: 200, headers: {}, segments: [{ kind: "content", range: null }] };
  const asked = resolveRange(range, sizeBytes);
  switch (asked.kind) {
    case "whole":
      return {
        status: 200,
        headers: { "content-length": String(sizeBytes) },
        segments: [{ kind: "content", range: { first: 0, last: sizeBytes - 1 } }],
      };
    case "part":
      return {
        status: 206,
        headers: {
          "content-length": String(lengthOf(asked.range)),
          "content-range": contentRange(asked.range, sizeBytes),
        },
        segments: [{ kind: "content", range: asked.range }],
      };
    case "parts":
      return multipartOf(asked.ranges, sizeBytes);
    case "unsatisfiable":
      throw new DistributionError("RANGE_INVALID", `the blob has ${sizeBytes} bytes`, {
        headers: { "content-range": `bytes */${sizeBytes}` },
      });
  }
}

/** The longest piece of content, in bytes; what a buffer need not be larger than. */
export function largestOf(segments: readonly Segment[]): number {
  const lengths = segments.map((segment) => {
    if (segment.kind === "frame") return 0;
    return segment.range ? lengthOf(segment.range) : Number.POSITIVE_INFINITY;
  });
  return Math.max(...lengths);
}

/** RFC 9110, section 14.6: lazy pullers ask for many small parts of a layer at once. */
function multipartOf(ranges: readonly ByteRange[], sizeBytes: number): BlobAnswer {
  const boundary = randomUUID();
  const segments = ranges.flatMap((range): Segment[] => {
    const head = `\r\n--${boundary}\r\ncontent-type: ${contentType}\r\ncontent-range: ${contentRange(range, sizeBytes)}\r\n\r\n`;
    return [
      { kind: "frame", bytes: Buffer.from(head) },
      { kind: "content", range },
    ];
  });
  segments.push({ kind: "frame", bytes: Buffer.from(`\r\n--${boundary}--\r\n`) });
  return {
    status: 206,
    headers: {
      "content-length": String(segments.reduce((sum, segment) => sum + sizeOf(segment), 0)),
      "content-type": `multipart/byteranges; boundary=${boundary}`,
    },
    segments,
  };
}

function sizeOf(segment: Segment): number {
  if (segment.kind === "frame") return segment.bytes.length;
  return segment.range ? lengthOf(segment.range) : 0;
}

function lengthOf({ first, last }: ByteRange): number {
  return last - first + 1;
}

function contentRange({ first, last }: ByteRange, sizeBytes: number): string {
  return `bytes ${first}-${last}/${sizeBytes}`;
}
