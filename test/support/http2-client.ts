import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from "node:http2";
import { buffer } from "node:stream/consumers";

export interface Http2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
}

// Long enough for the slowest machine that runs the tests; reached only when something hangs.
const deadlineMs = 60_000;

/** What came of a stream when it is over. */
export interface Ending {
  /** 0 unless it was reset. */
  readonly code: number;
  readonly bytes: Buffer;
  /** Whether the body was told to be whole. */
  readonly complete: boolean;
}

/** Reads a stream to its end, however it ends. */
export async function endingOf(stream: ClientHttp2Stream): Promise<Ending> {
  const chunks: Buffer[] = [];
  let complete = false;
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("end", () => {
    complete = true;
  });
  await closed(stream);
  return { code: stream.rstCode ?? 0, bytes: Buffer.concat(chunks), complete };
}

/** Resolves when a stream is over, whatever its error. */
export async function closed(stream: ClientHttp2Stream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.on("error", () => {}).once("close", resolve);
  await promise;
}

/** A client with one HTTP/2 session, as Go's has one for all that it asks of a host. */
export class Http2Client implements Disposable {
  readonly session: ClientHttp2Session;
  #goodbye: number | null = null;

  /** Believes any certificate. */
  constructor(url: string, settings: Parameters<typeof connect>[1] = {}) {
    this.session = connect(url, { rejectUnauthorized: false, ...settings });
    this.session.on("error", () => {});
    this.session.on("goaway", (code) => {
      this.#goodbye = code;
    });
  }

  /** The code of the server's good-bye; null before it came. */
  get goodbye(): number | null {
    return this.#goodbye;
  }

  /** A request whose answer is not read yet. */
  open(path: string, headers: Readonly<Record<string, string>> = {}): ClientHttp2Stream {
    const stream = this.session.request({ ":path": path, ...headers });
    stream.setTimeout(deadlineMs, () => stream.destroy(new Error("no answer in time")));
    return stream;
  }

  /** The whole answer. Rejects when its stream is reset, or the session ends before. */
  async ask(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Http2Answer> {
    const stream = this.open(path, headers);
    const [answered] = await once(stream, "response");
    const bytes = await buffer(stream);
    if (stream.rstCode !== 0) throw new Error(`the stream was reset: ${stream.rstCode}`);
    return { status: Number(answered[":status"]), headers: answered, bytes };
  }

  [Symbol.dispose](): void {
    this.session.destroy();
  }
}
