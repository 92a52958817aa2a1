import type { IncomingMessage, ServerResponse } from "node:http";
import type { BlobReader } from "../mirror/blob-reader.ts";
import { holdBackBytes } from "../mirror/fills/hold-back.ts";
import type { Mirror } from "../mirror/mirror.ts";
import type { PullOutcome } from "../mirror/pull-outcome.ts";
import type { Digest } from "../oci/digest.ts";
import type { Target } from "../upstream/upstreams.ts";
import { answerOf, contentType, largestOf, type Segment } from "./blob-answer.ts";
import { BodyWriter, ClientGone } from "./body-writer.ts";
import type { BufferBudget, LentBuffers } from "./buffer-budget.ts";
import type { Exchange } from "./exchange.ts";
import { etagOf, isNotModified, pullHeaders } from "./pull-headers.ts";
import { type Served, servedNothing } from "./served.ts";

export interface BlobTools {
  readonly mirror: Mirror;
  readonly buffers: BufferBudget;
  /** A client that takes nothing for so long is let go of. */
  readonly writeIdleMs: number;
}

export interface AskedBlob {
  readonly target: Target;
  readonly digest: Digest;
}

/** Answers a `GET` of all of a blob that is in memory; else null, and nothing was done. Throws as the pull does. */
export function serveBlobAtOnce(
  mirror: Mirror,
  { target, digest }: AskedBlob,
  { request, response, head }: Exchange,
): Served | null {
  if (request.method !== "GET" || isForPart(request)) return null;
  const pull = mirror.pullBlobAtOnce(target, digest);
  if (!pull) return null;
  const { outcome, bytes } = pull;
  const own = Object.entries(blobHeaders(digest, outcome)).flat();
  response.writeHead(200, [...head, ...own, "content-length", String(bytes.length)]).end(bytes);
  return { outcome, sentBytes: bytes.length, left: null, isPull: false };
}

/** `GET` and `HEAD` of a blob: distribution spec 1.1, "Pulling blobs". */
export async function serveBlob(
  { mirror, buffers, writeIdleMs }: BlobTools,
  { target, digest }: AskedBlob,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Served> {
  if (request.method === "HEAD" || isNotModified(request, digest)) {
    const { outcome, sizeBytes } = await mirror.describeBlob(target, digest);
    return answerWithoutBody(request, response, { digest, outcome, sizeBytes });
  }
  const { outcome, blob } = await mirror.pullBlob(target, digest, goneSignal(response));
  await using reader = blob;
  const { status, headers, segments } = answerOf(rangeAsked(request, digest), reader.sizeBytes);
  using lent = buffers.lend(largestOf(segments));
  using writer = new BodyWriter(response, writeIdleMs);
  if (isHeldBackWhole(reader.sizeBytes)) await reader.read(Buffer.alloc(1), 0);
  response.writeHead(status, { ...blobHeaders(digest, outcome), ...headers });
  // Clients give up on a header that takes 30 seconds; the bytes of a range may be that far away.
  if (outcome.kind !== "hit") response.flushHeaders();
  const left = await untilEndOrGone(sendSegments(writer, reader, segments, lent));
  if (left === null) response.end();
  return { outcome, sentBytes: writer.sentBytes, left, isPull: false };
}

async function sendSegments(
  writer: BodyWriter,
  reader: BlobReader,
  segments: readonly Segment[],
  lent: LentBuffers,
): Promise<void> {
  for (const segment of segments) {
    if (segment.kind === "frame") await writer.sendFrame(segment.bytes);
    else await writer.send(reader, segment.range, lent);
  }
}

/**
 * Whether nothing of a blob may be sent before all of it is verified, or may be so: a header that waits for that too
 * can still become a 502.
 */
function isHeldBackWhole(sizeBytes: number | null): boolean {
  return sizeBytes === null || sizeBytes <= holdBackBytes;
}

/** null when all was sent, or why the client left before. */
async function untilEndOrGone(sending: Promise<void>): Promise<string | null> {
  try {
    await sending;
    return null;
  } catch (error) {
    if (error instanceof ClientGone) return error.message;
    throw error;
  }
}

/** Aborted with ClientGone when the connection ends, whoever ended it. */
function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  const leave = (): void => gone.abort(new ClientGone("the client closed the connection"));
  // It may have left while its password was compared.
  if (response.destroyed) leave();
  else response.once("close", leave);
  return gone.signal;
}

function answerWithoutBody(
  request: IncomingMessage,
  response: ServerResponse,
  blob: {
    readonly digest: Digest;
    readonly outcome: PullOutcome;
    readonly sizeBytes: number | null;
  },
): Served {
  const { digest, outcome, sizeBytes } = blob;
  const unmodified = isNotModified(request, digest);
  response.writeHead(unmodified ? 304 : 200, {
    ...blobHeaders(digest, outcome),
    ...(unmodified || sizeBytes === null ? {} : { "content-length": String(sizeBytes) }),
  });
  response.end();
  return servedNothing(outcome);
}

function blobHeaders(digest: Digest, outcome: PullOutcome): Record<string, string> {
  return {
    ...pullHeaders(digest, outcome),
    "content-type": contentType,
    "accept-ranges": "bytes",
  };
}

/** Whether it may be answered with less than all of the content. */
function isForPart({ headers }: IncomingMessage): boolean {
  return headers.range !== undefined || headers["if-none-match"] !== undefined;
}

/** The `Range` header, unless `If-Range` says that it is about other content. */
function rangeAsked(request: IncomingMessage, digest: Digest): string | undefined {
  const condition = request.headers["if-range"];
  return condition === undefined || condition === etagOf(digest)
    ? request.headers.range
    : undefined;
}
