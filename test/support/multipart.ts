/** One part of a `multipart/byteranges` body. */
export interface RangePart {
  readonly first: number;
  readonly last: number;
  readonly sizeBytes: number;
  readonly contentType: string | undefined;
  readonly bytes: Buffer;
}

/** Takes a `multipart/byteranges` body apart (RFC 9110, section 14.6); throws for what is none, to the last byte. */
export function partsOf(contentType: string | undefined, body: Buffer): RangePart[] {
  const boundary = /^multipart\/byteranges; *boundary="?([^"]{1,70})"?$/.exec(
    contentType ?? "",
  )?.[1];
  if (boundary === undefined) throw new Error(`no multipart/byteranges: ${contentType}`);
  const parts: RangePart[] = [];
  let at = skipped(body, 0, "\r\n");
  for (;;) {
    at = expected(body, at, `--${boundary}`);
    if (body.subarray(at, at + 2).equals(Buffer.from("--"))) break;
    at = expected(body, at, "\r\n");
    const headEnd = body.indexOf("\r\n\r\n", at);
    const head = body.subarray(at, headEnd).toString("latin1");
    const [, first, last, size] = /^content-range: bytes (\d+)-(\d+)\/(\d+)$/im.exec(head) ?? [];
    if (headEnd < 0 || size === undefined) throw new Error(`a part without its range: ${head}`);
    const start = headEnd + 4;
    const end = start + Number(last) - Number(first) + 1;
    parts.push({
      first: Number(first),
      last: Number(last),
      sizeBytes: Number(size),
      contentType: /^content-type: (.*)$/im.exec(head)?.[1],
      bytes: body.subarray(start, end),
    });
    at = expected(body, end, "\r\n");
  }
  if (skipped(body, at + 2, "\r\n") !== body.length) throw new Error("bytes follow the last part");
  return parts;
}

function expected(body: Buffer, at: number, text: string): number {
  const found = body.subarray(at, at + text.length).toString("latin1");
  if (found !== text)
    throw new Error(`${JSON.stringify(found)} where ${JSON.stringify(text)} belongs`);
  return at + text.length;
}

function skipped(body: Buffer, at: number, text: string): number {
  return body.subarray(at, at + text.length).toString("latin1") === text ? at + text.length : at;
}
