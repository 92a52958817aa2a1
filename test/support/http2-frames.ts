/** Frames of HTTP/2 (RFC 9113), for what no client library would send. */

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

const types = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  goaway: 7,
  windowUpdate: 8,
} as const;

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** What a client greets with that takes any amount before it says that it has read. */
export function greeting(): Buffer {
  const initialWindowSize = Buffer.from([0, 4, 0x7f, 0, 0, 0]);
  return Buffer.concat([
    preface,
    frame(types.settings, 0, 0, initialWindowSize),
    frame(types.windowUpdate, 0, 0, Buffer.from([0x7f, 0, 0, 0])),
  ]);
}

/** `GET /v2/`, whole. */
export function request(stream: number): Buffer {
  // RFC 7541, appendix A: GET, https, and as literals a path and an authority.
  const fields = Buffer.from("\x82\x87\x04\x04/v2/\x01\x06m.test", "latin1");
  const endOfStreamAndHeaders = 0x5;
  return frame(types.headers, endOfStreamAndHeaders, stream, fields);
}

/** A reset because nobody wants the answer any more. */
export function cancel(stream: number): Buffer {
  return frame(types.rstStream, 0, stream, Buffer.from([0, 0, 0, 8]));
}

/** The code of the good-bye in what a server sent; null if there is none. */
export function goodbyeIn(sent: Buffer): number | null {
  const goodbye = framesOf(sent).findLast(({ type }) => type === types.goaway);
  return goodbye?.payload.readUInt32BE(4) ?? null;
}

/** How a stream ended in what a server sent: the code of its reset, "end" if it was told to be whole, null before that. */
export function endingIn(sent: Buffer, stream: number): number | "end" | null {
  const own = framesOf(sent).filter((frame) => frame.stream === stream);
  const endOfStream = 0x1;
  const ofContent = [types.data, types.headers] as readonly number[];
  if (own.some(({ type, flags }) => ofContent.includes(type) && flags & endOfStream)) return "end";
  return own.find(({ type }) => type === types.rstStream)?.payload.readUInt32BE(0) ?? null;
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function framesOf(sent: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + 9 <= sent.length; ) {
    const endAt = at + 9 + sent.readUIntBE(at, 3);
    const [type, flags] = [sent.readUInt8(at + 3), sent.readUInt8(at + 4)];
    const payload = sent.subarray(at + 9, endAt);
    if (payload.length === endAt - at - 9)
      frames.push({ type, flags, stream: sent.readUInt32BE(at + 5), payload });
    at = endAt;
  }
  return frames;
}
