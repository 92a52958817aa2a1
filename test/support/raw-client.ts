import { connect, type Socket } from "node:net";

/** What came over one connection for one request, byte for byte. */
export interface RawAnswer {
  readonly status: number;
  /** The words behind it. */
  readonly reason: string;
  /** Names in lower case; of repeated ones the last. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Whether the body ended as its framing says it must: its length, or the last chunk. */
  readonly complete: boolean;
}

/** A request in flight whose bytes can be looked at, and which can be left. */
export class RawRequest implements Disposable {
  /** Resolves when the kernel has the request, though nobody may have read it yet. */
  readonly sent: Promise<void>;
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  readonly #method: string;
  #changed = Promise.withResolvers<void>();
  #closed = false;
  #reset = false;

  constructor(
    url: string,
    method: string,
    target: string,
    headers: Readonly<Record<string, string>> = {},
    version = "1.1",
  ) {
    const { hostname, port, host } = new URL(url);
    this.#method = method;
    this.#socket = connect(Number(port), hostname);
    this.#socket.on("data", (chunk) => this.#note(() => this.#chunks.push(chunk)));
    this.#socket.on("close", () =>
      this.#note(() => {
        this.#closed = true;
      }),
    );
    this.#socket.on("error", () => {
      this.#reset = true;
    });
    const lines = Object.entries({ host, connection: "close", ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    const { promise, resolve } = Promise.withResolvers<void>();
    this.sent = promise;
    const text = `${method} ${target} HTTP/${version}\r\n${lines.join("")}\r\n`;
    this.#socket.write(text, () => resolve());
  }

  /** Whether the connection ended by an error, such as a reset, and not by its end. */
  get wasReset(): boolean {
    return this.#reset;
  }

  /** What has come so far; null before the header is whole. */
  get answer(): RawAnswer | null {
    return parseAnswer(Buffer.concat(this.#chunks), this.#method);
  }

  /** Resolves when `until` holds for what has come; rejects if the connection ends before. */
  async when(until: (answer: RawAnswer) => boolean): Promise<RawAnswer> {
    for (;;) {
      const { answer } = this;
      if (answer && until(answer)) return answer;
      if (this.#closed) throw new Error(`the connection ended: ${JSON.stringify(answer?.headers)}`);
      await this.#changed.promise;
    }
  }

  /** Resolves to all that came when the connection has ended. */
  async end(): Promise<RawAnswer> {
    while (!this.#closed) await this.#changed.promise;
    return (
      this.answer ?? { status: 0, reason: "", headers: {}, body: Buffer.alloc(0), complete: false }
    );
  }

  /** Sends more, such as the body that the headers spoke of. */
  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Takes no more bytes. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Goes away. */
  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #note(change: () => void): void {
    change();
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** One request on a connection of its own, to its end. */
export async function rawRequest(
  url: string,
  method: string,
  target: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> {
  using request = new RawRequest(url, method, target, headers);
  return await request.end();
}

function parseAnswer(bytes: Buffer, method: string): RawAnswer | null {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return null;
  const [statusLine = "", ...lines] = bytes.subarray(0, headEnd).toString("latin1").split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(":")).toLowerCase(),
      line.slice(line.indexOf(":") + 1).trim(),
    ]),
  );
  const [, code, ...words] = statusLine.split(" ");
  const [status, reason] = [Number(code), words.join(" ")];
  const rest = bytes.subarray(headEnd + 4);
  if (method === "HEAD" || status === 304)
    return { status, reason, headers, body: rest, complete: rest.length === 0 };
  if (headers["transfer-encoding"] === "chunked") {
    return { status, reason, headers, ...dechunk(rest) };
  }
  const lengthBytes = Number(headers["content-length"] ?? Number.NaN);
  return { status, reason, headers, body: rest, complete: rest.length === lengthBytes };
}

function dechunk(bytes: Buffer): { body: Buffer; complete: boolean } {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return { body: Buffer.concat(parts), complete: false };
    const sizeBytes = Number.parseInt(bytes.subarray(at, lineEnd).toString("latin1"), 16);
    if (sizeBytes === 0) return { body: Buffer.concat(parts), complete: true };
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + sizeBytes));
    at = lineEnd + 2 + sizeBytes + 2;
  }
}
