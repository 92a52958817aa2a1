import type { IncomingMessage, ServerResponse } from "node:http";

// A layer of a push is not worth reading to its end: RFC 9112, section 9.6, asks for as much as lets the answer arrive.
const lingerMs = 2_000;
const lingerBytes = 8 * 1024 * 1024;

/**
 * Ends an answer after which the connection ends, though its request may still be arriving: the rest of it is read and
 * thrown away first, for two seconds or 8 MiB at most. A connection that ends with bytes unread is reset, and a reset
 * takes the answer away from whoever is still sending (nginx makes a 502 of it).
 */
export function endLingering(
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
): void {
  if (request.complete) return void response.end(body);
  response.write(body);
  let readBytes = 0;
  const end = (): void => {
    clearTimeout(timer);
    request.off("data", count).off("close", end);
    response.end();
  };
  const count = (chunk: Buffer): void => {
    readBytes += chunk.length;
    if (readBytes > lingerBytes) end();
  };
  const timer = setTimeout(end, lingerMs);
  request.on("data", count).once("end", end).once("close", end);
}
