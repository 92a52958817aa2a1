import type { IncomingMessage, ServerResponse } from "node:http";
import { holdBackBytes } from "../mirror/hold-back.ts";
import type { Mirror } from "../mirror/mirror.ts";
import type { PullOutcome } from "../mirror/pull-outcome.ts";
import { type ByteRange, resolveRange } from "../oci/byte-range.ts";
import type { Digest } from "../oci/digest.ts";
import { DistributionError } from "../oci/distribution-error.ts";
import type { Target } from "../upstream/upstreams.ts";
import { BodyWriter, ClientGone } from "./body-writer.ts";
import type { BufferBudget } from "./buffer-budget.ts";
import { etagOf, isNotModified, pullHeaders } from "./pull-headers.ts";
import { type Served, servedNothing } from "./served.ts";

export interface BlobTools {
  readonly mirror: Mirror;
  readonly buffers: BufferBudget;
}

/** `GET` and `HEAD` of a blob: distribution spec 1.1, "Pulling blobs". */
export async function serveBlob(
  { mirror, buffers }: BlobTools,
  pull: { readonly target: Target; readonly digest: Digest },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Served> {
  const { target, digest } = pull;
  if (request.method === "HEAD" || isNotModified(request, digest)) {
    const { outcome, sizeBytes } = await mirror.describeBlob(target, digest);
    return answerWithoutBody(request, response, { digest, outcome, sizeBytes });
  }
  const { outcome, blob } = await mirror.pullBlob(target, digest, goneSignal(response));
  await using reader = blob;
  const part = rangeOf(request, digest, reader.sizeBytes);
  const headers = { ...blobHeaders(digest, outcome), ...lengthHeaders(part, reader.sizeBytes) };
  const range = part ?? wholeOf(reader.sizeBytes);
  using pair = buffers.lend(range ? range.last - range.first + 1 : Number.POSITIVE_INFINITY);
  using writer = new BodyWriter(response);
  if (isHeldBackWhole(reader.sizeBytes)) await reader.read(Buffer.alloc(1), 0);
  response.writeHead(part ? 206 : 200, headers);
  // Clients give up on a header that takes 30 seconds; the bytes of a range may be that far away.
  if (outcome.kind !== "hit") response.flushHeaders();
  const left = await untilEndOrGone(writer.send(reader, range, pair));
  if (left === null) response.end();
  return { outcome, sentBytes: writer.sentBytes, left };
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
  response.once("close", () => gone.abort(new ClientGone("the client closed the connection")));
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
    ...(unmodified ? {} : lengthHeaders(null, sizeBytes)),
  });
  response.end();
  return servedNothing(outcome);
}

function blobHeaders(digest: Digest, outcome: PullOutcome): Record<string, string> {
  return {
    ...pullHeaders(digest, outcome),
    "content-type": "application/octet-stream",
    "accept-ranges": "bytes",
  };
}

/** The part of the blob that is asked for, or null for all of it. Of content of unknown length there are no parts. */
function rangeOf(
  request: IncomingMessage,
  digest: Digest,
  sizeBytes: number | null,
): ByteRange | null {
  const condition = request.headers["if-range"];
  const applies = condition === undefined || condition === etagOf(digest);
  if (sizeBytes === null || !applies) return null;
  const asked = resolveRange(request.headers.range, sizeBytes);
  switch (asked.kind) {
    case "whole":
      return null;
    case "part":
      return asked.range;
    case "unsatisfiable":
      throw new DistributionError("RANGE_INVALID", `the blob has ${sizeBytes} bytes`, {
        headers: { "content-range": `bytes */${sizeBytes}` },
      });
  }
}

function wholeOf(sizeBytes: number | null): ByteRange | null {
  return sizeBytes === null ? null : { first: 0, last: sizeBytes - 1 };
}

function lengthHeaders(part: ByteRange | null, sizeBytes: number | null): Record<string, string> {
  if (sizeBytes === null) return {};
  if (!part) return { "content-length": String(sizeBytes) };
  return {
    "content-length": String(part.last - part.first + 1),
    "content-range": `bytes ${part.first}-${part.last}/${sizeBytes}`,
  };
}
