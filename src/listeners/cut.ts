import type { ServerResponse } from "node:http";
import { constants, Http2ServerResponse } from "node:http2";

// A connection that takes nothing does not take the reset of a stream either, and its streams would hold what they hold.
const resetMs = 10_000;

/**
 * Ends an answer that has begun so that no client takes it for a whole one: by a reset of the connection, or over HTTP/2 of the
 * stream, for the connection is other answers' too. A clean end would be the end of a body of unknown length.
 */
export function cut(response: ServerResponse): void {
  if (!(response instanceof Http2ServerResponse)) return void cutConnection(response);
  const { stream, req } = response;
  stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  if (stream.destroyed) return;
  const reset = setTimeout(() => req.socket.resetAndDestroy(), resetMs).unref();
  stream.once("close", () => clearTimeout(reset));
}

/** That of the request: the answer has it only when its turn has come. Of one that has gone it may be another's by now. */
function cutConnection(response: ServerResponse): void {
  if (!response.writableFinished) response.req.socket.resetAndDestroy();
}
