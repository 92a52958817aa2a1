import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";

/** An HTTP proxy on loopback, for absolute-form requests and CONNECT, that notes what it is asked. */
export class OutboundProxy implements AsyncDisposable {
  /** As `METHOD TARGET`, in order. */
  readonly requests: string[] = [];
  /** Connections that were made to it. */
  sockets = 0;
  /** Of the last request. */
  authorization: string | undefined;
  readonly #server = createServer((request, response) => this.#forward(request, response));
  readonly #tunnels = new Set<Socket>();

  private constructor() {
    this.#server.on("connection", () => {
      this.sockets++;
    });
    this.#server.on("connect", (request, socket) => this.#tunnel(request, socket as Socket));
  }

  static async start(): Promise<OutboundProxy> {
    const proxy = new OutboundProxy();
    const { promise, resolve } = Promise.withResolvers<void>();
    proxy.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    for (const socket of this.#tunnels) socket.destroy();
    await promise;
  }

  #note(asked: IncomingMessage): void {
    this.requests.push(`${asked.method} ${asked.url}`);
    this.authorization = asked.headers["proxy-authorization"];
  }

  #forward(asked: IncomingMessage, response: ServerResponse): void {
    this.#note(asked);
    const { "proxy-authorization": _, ...headers } = asked.headers;
    request(asked.url ?? "", { method: asked.method, headers, agent: false })
      .on("response", (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        pipeline(answer, response).catch(() => response.destroy());
      })
      .on("error", () => response.writeHead(502).end())
      .end();
  }

  #tunnel(asked: IncomingMessage, near: Socket): void {
    this.#note(asked);
    const { hostname, port } = new URL(`http://${asked.url}`);
    const far = connect(Number(port), hostname, () => {
      near.write("HTTP/1.1 200 Connection established\r\n\r\n");
      near.pipe(far).pipe(near);
    });
    for (const socket of [near, far]) {
      this.#tunnels.add(socket);
      socket.on("close", () => {
        this.#tunnels.delete(socket);
        near.destroy();
        far.destroy();
      });
      socket.on("error", () => {});
    }
  }
}
