import { type ByteRange, parseContentRange } from "../oci/byte-range.ts";
import type { Answerer } from "./answers.ts";
import type { Answer } from "./exchange/exchange.ts";

/** Where an answer about a blob came from: where parts of the same blob can be asked for. */
export interface Whence {
  readonly answerer: Answerer;
  /** Where the answerer redirected to; null: it answered itself. It may be signed: never to be logged. */
  readonly hop: URL | null;
  readonly etag: string | null;
}

/** A part of a blob that has `sizeBytes`, wanted from where another part of it came from. */
export interface WantedPart {
  readonly range: ByteRange;
  readonly sizeBytes: number;
  readonly whence: Whence;
}

/** null where the answer does not say that parts may be asked for. */
export function whenceOf(answer: Answer, answerer: Answerer): Whence | null {
  const { status, headers, redirected, url } = answer;
  if (status !== 206 && headers["accept-ranges"]?.trim().toLowerCase() !== "bytes") return null;
  return { answerer, hop: redirected ? url : null, etag: headers["etag"] ?? null };
}

/** Whether it is just this part, of what the blob was before. */
export function isPart({ status, headers }: Answer, wanted: WantedPart): boolean {
  const part = status === 206 ? parseContentRange(headers["content-range"]) : null;
  const { first, last } = wanted.range;
  if (part?.first !== first || part.last !== last || part.sizeBytes !== wanted.sizeBytes) {
    return false;
  }
  const etag = headers["etag"] ?? null;
  return etag === null || wanted.whence.etag === null || etag === wanted.whence.etag;
}
