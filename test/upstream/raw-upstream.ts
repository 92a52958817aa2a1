import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** A request as it came, and the connection it came over. */
export interface RawRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: string;
  readonly socket: Socket;
  /** Counted from 0 in the order the connections were made. */
  readonly connection: number;
}

/**
 * A server that writes what it is told to, byte for byte: for answers that no HTTP library can be made to give.
 * Requests have no bodies.
 */
export class RawUpstream implements AsyncDisposable {
  readonly requests: RawRequest[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #connections = 0;

  private constructor(answer: (request: RawRequest) => void) {
    this.#server = createServer((socket) => this.#serve(socket, answer));
  }

  static async start(answer: (request: RawRequest) => void): Promise<RawUpstream> {
    const upstream = new RawUpstream(answer);
    const { promise, resolve } = Promise.withResolvers<void>();
    upstream.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return upstream;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const socket of this.#sockets) socket.destroy();
    await promise;
  }

  #serve(socket: Socket, answer: (request: RawRequest) => void): void {
    const connection = this.#connections++;
    let text = "";
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    // The mirror may end the connection at any time.
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        const head = text.slice(0, end);
        text = text.slice(end + 4);
        const [, method = "", target = "", headers = ""] =
          /^(\S+) (\S+) [^\r\n]*\r\n([\s\S]*)$/.exec(head) ?? [];
        const request = { method, target, headers: headers.toLowerCase(), socket, connection };
        this.requests.push(request);
        answer(request);
      }
    });
  }
}

/** An answer with a length, as its bytes. */
export function answerBytes(
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Buffer | string = "",
): Buffer {
  const lines = Object.entries({ "content-length": String(Buffer.byteLength(body)), ...headers });
  const head = `HTTP/1.1 ${status} X\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(body)]);
}
