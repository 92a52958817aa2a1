import { connect, type Socket } from "node:net";
import type { SeededContent } from "./seeded-content.ts";

export interface CheckedRequest {
  readonly method?: "GET" | "HEAD";
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** "1.1" where nothing is said. */
  readonly version?: "1.0" | "1.1";
  /** What the target is. */
  readonly truth: SeededContent;
  /** What the upstream sends in its place. */
  readonly lie?: SeededContent;
}

/** What came over one connection, held against the truth as it came. */
export interface CheckedAnswer {
  /** 0 if no whole header came. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of content, without what frames them. */
  readonly bodyBytes: number;
  /** Of these, how many agree with the truth from the place they say they are from. */
  readonly trueBytes: number;
  /** The same for the lie. */
  readonly lieBytes: number;
  /** Whether the body ended as its framing says it must. */
  readonly complete: boolean;
  /** Whether the connection ended by an error and not by its end. */
  readonly reset: boolean;
  /** The body, if it is no content: what an error says, the parts of several ranges. */
  readonly text: Buffer;
}

// Longer than a pull takes by itself; a mirror that never ends an answer is a failure and no hang.
const defaultDeadlineMs = 120_000;

// Errors are short; parts of several ranges are looked at where a test asks for few bytes.
const textLimitBytes = 1024 * 1024;

/** A client that keeps nothing of what it pulls but how much of it is right. One request, one connection. */
export class CheckingClient implements Disposable {
  readonly #request: CheckedRequest;
  readonly #socket: Socket;
  #head: Buffer = Buffer.alloc(0);
  #status = 0;
  #headers: Readonly<Record<string, string>> = {};
  #body: Body | null = null;
  #changed = Promise.withResolvers<void>();
  readonly #deadlineMs: number;
  readonly #deadline: NodeJS.Timeout;
  #closed = false;
  #reset = false;
  #late = false;

  constructor(url: string, request: CheckedRequest, deadlineMs: number = defaultDeadlineMs) {
    const { hostname, port, host } = new URL(url);
    this.#request = request;
    this.#deadlineMs = deadlineMs;
    // Half open: a client that has said all of its request may say so by its end.
    this.#socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    this.#socket.on("data", (chunk) => this.#note(() => this.#take(chunk)));
    this.#socket.on("end", () => this.#socket.end());
    this.#socket.on("close", () =>
      this.#note(() => {
        this.#closed = true;
        clearTimeout(this.#deadline);
      }),
    );
    this.#deadline = setTimeout(() => {
      this.#late = true;
      this.#socket.destroy();
    }, deadlineMs).unref();
    this.#socket.on("error", () => {
      this.#reset = true;
    });
    const { method = "GET", target, headers = {}, version = "1.1" } = request;
    const lines = Object.entries({ host, connection: "close", ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    this.#socket.write(`${method} ${target} HTTP/${version}\r\n${lines.join("")}\r\n`);
  }

  get answer(): CheckedAnswer {
    const body = this.#body;
    return {
      status: this.#status,
      headers: this.#headers,
      bodyBytes: body?.bodyBytes ?? 0,
      trueBytes: body?.trueBytes ?? 0,
      lieBytes: body?.lieBytes ?? 0,
      complete: body?.complete(this.#closed && !this.#reset) ?? false,
      reset: this.#reset,
      text: body?.text ?? Buffer.alloc(0),
    };
  }

  /** Resolves when `until` holds for what has come; rejects if the connection ends before. */
  async when(until: (answer: CheckedAnswer) => boolean): Promise<CheckedAnswer> {
    for (;;) {
      const { answer } = this;
      if (answer.status > 0 && until(answer)) return answer;
      if (this.#closed) throw new Error(`the connection ended: ${JSON.stringify(answer)}`);
      await this.#changed.promise;
    }
  }

  /** Resolves when the connection has ended. */
  async end(): Promise<CheckedAnswer> {
    while (!this.#closed) await this.#changed.promise;
    if (this.#late)
      throw new Error(`no end within ${this.#deadlineMs} ms: ${this.#request.target}`);
    return this.answer;
  }

  /** Takes no more bytes. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Says that no more of the request comes, and goes on reading. */
  halfClose(): void {
    this.#socket.end();
  }

  /** Goes away with a reset. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Goes away. */
  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#body) {
      this.#body.take(chunk);
      return;
    }
    this.#head = Buffer.concat([this.#head, chunk]);
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const [statusLine = "", ...lines] = this.#head
      .subarray(0, end)
      .toString("latin1")
      .split("\r\n");
    this.#status = Number(statusLine.split(" ")[1]);
    this.#headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(":")).toLowerCase(),
        line.slice(line.indexOf(":") + 1).trim(),
      ]),
    );
    this.#body = new Body(this.#request, this.#status, this.#headers);
    this.#body.take(this.#head.subarray(end + 4));
  }

  #note(change: () => void): void {
    change();
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** One request to its end. */
export async function checkedPull(url: string, request: CheckedRequest): Promise<CheckedAnswer> {
  using client = new CheckingClient(url, request);
  return await client.end();
}

/** Unframes a body and compares it. */
class Body {
  bodyBytes = 0;
  trueBytes = 0;
  lieBytes = 0;
  readonly #request: CheckedRequest;
  readonly #framing: "length" | "chunks" | "close" | "none";
  readonly #lengthBytes: number;
  readonly #isContent: boolean;
  readonly #firstBytes: number;
  readonly #kept: Buffer[] = [];
  #line = "";
  #chunkBytes = 0;
  #lastChunk = false;
  #extraBytes = 0;

  constructor(request: CheckedRequest, status: number, headers: Readonly<Record<string, string>>) {
    this.#request = request;
    this.#lengthBytes = Number(headers["content-length"] ?? Number.NaN);
    this.#framing = framingOf(request, status, headers);
    const multipart = headers["content-type"]?.startsWith("multipart/") === true;
    this.#isContent = (status === 200 || status === 206) && !multipart;
    this.#firstBytes = Number(/^bytes (\d+)-/.exec(headers["content-range"] ?? "")?.[1] ?? 0);
  }

  get text(): Buffer {
    return Buffer.concat(this.#kept);
  }

  complete(endedCleanly: boolean): boolean {
    switch (this.#framing) {
      case "none":
        return this.bodyBytes === 0;
      case "length":
        return this.bodyBytes === this.#lengthBytes;
      case "chunks":
        return this.#lastChunk && this.#extraBytes === 0;
      case "close":
        return endedCleanly;
    }
  }

  take(bytes: Buffer): void {
    if (this.#framing === "chunks") this.#takeChunked(bytes);
    else this.#takeContent(bytes);
  }

  #takeChunked(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#lastChunk) {
        // The empty line behind the last chunk.
        this.#extraBytes += bytes
          .subarray(at)
          .toString("latin1")
          .replace(/[\r\n]/g, "").length;
        return;
      }
      if (this.#chunkBytes > 0) {
        const part = bytes.subarray(at, at + this.#chunkBytes);
        this.#takeContent(part);
        this.#chunkBytes -= part.length;
        at += part.length;
        continue;
      }
      this.#line += String.fromCharCode(bytes.readUInt8(at++));
      const [, size] = /^(?:\r\n)?([0-9a-f]+)\r\n$/i.exec(this.#line) ?? [];
      if (size === undefined) continue;
      this.#line = "";
      this.#chunkBytes = Number.parseInt(size, 16);
      this.#lastChunk = this.#chunkBytes === 0;
    }
  }

  #takeContent(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const { truth, lie = truth } = this.#request;
    const position = this.#firstBytes + this.bodyBytes;
    if (this.#isContent) {
      if (this.trueBytes === this.bodyBytes) this.trueBytes += truth.agreement(bytes, position);
      if (this.lieBytes === this.bodyBytes) this.lieBytes += lie.agreement(bytes, position);
    } else if (this.bodyBytes < textLimitBytes) this.#kept.push(Buffer.from(bytes));
    this.bodyBytes += bytes.length;
  }
}

function framingOf(
  { method }: CheckedRequest,
  status: number,
  headers: Readonly<Record<string, string>>,
): "length" | "chunks" | "close" | "none" {
  if (method === "HEAD" || status === 204 || status === 304) return "none";
  if (headers["transfer-encoding"] === "chunked") return "chunks";
  return headers["content-length"] === undefined ? "close" : "length";
}
