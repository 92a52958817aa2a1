import type { Server } from "node:http";
import type { Socket } from "node:net";
import { TlsServer } from "./tls-server.ts";

// Connections that are kept alive end soon after their last answer.
const idlePollMs = 50;

// A request that is on its way has this long to come; who only holds a connection ready holds nobody up.
const lastRequestsMs = 1_000;

/** Ends a server in peace, or at once; it must know of every connection, so it is made before the server listens. */
export class Drain implements AsyncDisposable {
  readonly #server: Server;
  /** How many requests each connection has that are being answered. */
  readonly #running = new Map<Socket, number>();

  constructor(server: Server) {
    this.#server = server;
    server.on(server instanceof TlsServer ? "secureConnection" : "connection", (socket: Socket) => {
      this.#running.set(socket, 0);
      socket.once("close", () => this.#running.delete(socket));
    });
    server.on("request", ({ socket }, response) => {
      this.#count(socket, 1);
      response.once("close", () => this.#count(socket, -1));
    });
  }

  /** Takes no more connections; resolves when all that was asked has had its answer, or `signal` says to cut. */
  async drain(signal: AbortSignal): Promise<void> {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    const poll = setInterval(() => this.#server.closeIdleConnections(), idlePollMs);
    const lastRequests = setTimeout(() => this.#cutWaiting(), lastRequestsMs);
    const cut = (): void => this.#server.closeAllConnections();
    signal.addEventListener("abort", cut);
    try {
      if (signal.aborted) cut();
      await closed;
    } finally {
      clearInterval(poll);
      clearTimeout(lastRequests);
      signal.removeEventListener("abort", cut);
    }
  }

  /** Ends the server and its connections at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    await closeNow(this.#server);
  }

  #count(socket: Socket, change: number): void {
    const running = this.#running.get(socket);
    if (running !== undefined) this.#running.set(socket, running + change);
  }

  #cutWaiting(): void {
    for (const [socket, running] of this.#running) if (running === 0) socket.destroy();
  }
}

/** Ends a server and its connections at once. */
export async function closeNow(server: Server): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await closed;
}
