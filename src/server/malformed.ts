import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { DistributionError } from "../oci/distribution-error.ts";

/** The most that a request line and its headers may have. The longest tokens that registries give are 8 KiB. */
export const headerLimitBytes: number = 16 * 1024;

/** Answers bytes that are no HTTP request, which reach no handler, and ends their connection. */
export function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const told = toldOf(error.code);
  const body = told.toBody();
  socket.end(
    `HTTP/1.1 ${told.status} ${STATUS_CODES[told.status]}\r\n` +
      "Connection: close\r\nContent-Type: application/json\r\nX-Content-Type-Options: nosniff\r\n" +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function toldOf(code: string | undefined): DistributionError {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return unsupported(
        431,
        `the request line and headers have more than ${headerLimitBytes} bytes`,
      );
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return unsupported(408, "the request took too long to arrive");
    case "ERR_SSL_HTTP_REQUEST":
      return unsupported(400, "this port speaks TLS: ask it by https");
    default:
      return unsupported(400, "this is no HTTP/1.1 request");
  }
}

function unsupported(status: number, message: string): DistributionError {
  return new DistributionError("UNSUPPORTED", message, { status });
}
