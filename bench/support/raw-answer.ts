/** The header of an HTTP/1.1 answer, as far as a client of our own needs it. */
export interface AnswerHead {
  /** Where in the bytes the content begins. */
  readonly endBytes: number;
  readonly contentBytes: number;
}

/**
 * The header at the start of `bytes`, or null if it is not all there yet. Throws for any status but 200, and
 * for content of unknown length: no contestant sends blobs so.
 */
export function parseHead(bytes: Buffer): AnswerHead | null {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) return null;
  const text = bytes.toString("latin1", 0, end);
  const length = /^content-length: *(\d+)/im.exec(text)?.[1];
  if (!text.startsWith("HTTP/1.1 200 ") || length === undefined) {
    throw new Error(`it answered ${text.slice(0, 200)}`);
  }
  return { endBytes: end + 4, contentBytes: Number(length) };
}

export function requestFor(url: URL): string {
  return `GET ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nAccept: */*\r\n\r\n`;
}
