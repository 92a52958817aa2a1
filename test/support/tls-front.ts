import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type AddressInfo, connect, type Socket } from "node:net";
import { createServer, type Server, type TLSSocket, type TlsOptions } from "node:tls";
import type { Certificate } from "./certificate.ts";

/** Speaks TLS on loopback before a server that does not. */
export class TlsFront implements AsyncDisposable {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  readonly #seen: Seen[];

  private constructor(server: Server, sockets: Set<Socket>, seen: Seen[]) {
    this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.#server = server;
    this.#sockets = sockets;
    this.#seen = seen;
  }

  static async start(
    before: string,
    { certificateFile, keyFile }: Certificate,
    options: TlsOptions = {},
  ): Promise<TlsFront> {
    const sockets = new Set<Socket>();
    const seen: Seen[] = [];
    const [cert, key] = [await readFile(certificateFile), await readFile(keyFile)];
    const server = createServer({ cert, key, ...options }, (socket) => {
      seen.push(seenOf(socket));
      const behind = connect(Number(new URL(before).port), "127.0.0.1");
      for (const [one, other] of [
        [socket, behind],
        [behind, socket],
      ] as const) {
        one.on("error", () => other.destroy()).on("close", () => other.destroy());
        one.pipe(other);
      }
    });
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    });
    server.on("tlsClientError", () => {});
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new TlsFront(server, sockets, seen);
  }

  /** What was seen of each client whose handshake was good. */
  get seen(): readonly Seen[] {
    return this.#seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

export interface Seen {
  /** The CN of its certificate; null if it showed none. */
  readonly client: string | null;
  readonly resumed: boolean;
}

function seenOf(socket: TLSSocket): Seen {
  const { subject } = socket.getPeerCertificate();
  return { client: subject?.CN ? String(subject.CN) : null, resumed: socket.isSessionReused() };
}
