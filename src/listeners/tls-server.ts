import type { RequestListener, ServerOptions } from "node:http";
import { Server } from "node:https";
import type { Socket } from "node:net";
import type { SecureContext, TLSSocket } from "node:tls";
import { Http2Sessions } from "./http2-sessions.ts";

export interface TlsOptions extends ServerOptions {
  /** The context for the name that a client asks for; null: the one that was set with `setSecureContext`. Never throws. */
  readonly contextFor: (name: string) => SecureContext | null;
  /** Whether clients may choose HTTP/2. */
  readonly http2: boolean;
  /** Whether clients are asked for a certificate. Whether they are served is not decided here. */
  readonly asksForCertificates: boolean;
}

// As long as a request's headers may take; a connection that greets nobody holds a socket for nothing.
const handshakeTimeoutMs = 15_000;

/**
 * An https server that can be ended, and connections of which can be cut, as those of an http server can. What is asked
 * over HTTP/2 it tells as what is asked over HTTP/1.1.
 */
export class TlsServer extends Server {
  /** The TCP connections, those whose handshake is not done among them, by their two ends. */
  readonly #connections = new Map<string, Socket>();
  readonly #http2: Http2Sessions | null;

  constructor(
    { contextFor, http2, asksForCertificates, ...options }: TlsOptions,
    listener: RequestListener,
  ) {
    super(
      {
        ...options,
        minVersion: "TLSv1.2",
        requestCert: asksForCertificates,
        // Who shows a bad one, or none, is told so in an answer, and may ask for health.
        rejectUnauthorized: false,
        handshakeTimeout: handshakeTimeoutMs,
        ALPNProtocols: http2 ? ["h2", "http/1.1"] : ["http/1.1"],
        SNICallback: (name, done) => done(null, contextFor(name) ?? undefined),
      },
      listener,
    );
    this.#http2 = http2
      ? new Http2Sessions((...asked) => void this.emit("request", ...asked))
      : null;
    const http1 = this.listeners("secureConnection");
    this.removeAllListeners("secureConnection");
    this.on("connection", (socket: Socket) => this.#keep(socket));
    this.on("secureConnection", (socket: TLSSocket) => {
      this.#makeResettable(socket);
      // Node's own listener, which would read any connection as HTTP/1.1.
      if (socket.alpnProtocol === "h2") this.#http2?.take(socket);
      else for (const listen of http1) listen.call(this, socket);
    });
    // Behind the handler of http's "clientError", which may only say good-bye: one that never greeted would not hear it.
    this.on("tlsClientError", (error, socket: TLSSocket) => {
      socket.destroy();
      this.#answerPlainHttp(error, socket);
    });
  }

  override closeIdleConnections(): void {
    super.closeIdleConnections();
    this.#http2?.closeIdle();
  }

  /** Those too that are still in their handshake, of which http's server does not know. */
  override closeAllConnections(): void {
    super.closeAllConnections();
    for (const socket of this.#connections.values()) socket.destroy();
  }

  #keep(socket: Socket): void {
    const ends = endsOf(socket);
    this.#connections.set(ends, socket);
    socket.once("close", () => {
      if (this.#connections.get(ends) === socket) this.#connections.delete(ends);
    });
  }

  /** Who speaks HTTP without TLS can be told so below it. */
  #answerPlainHttp(error: NodeJS.ErrnoException, secure: TLSSocket): void {
    const connection = this.#connections.get(endsOf(secure));
    if (error.code !== "ERR_SSL_HTTP_REQUEST" || !connection) return;
    this.emit("clientError", error, connection);
    connection.destroySoon();
  }

  /** Node resets TCP connections only; on one with TLS it throws. */
  #makeResettable(secure: TLSSocket): void {
    const connection = this.#connections.get(endsOf(secure));
    secure.resetAndDestroy = () => {
      connection?.resetAndDestroy();
      return secure.destroy();
    };
  }
}

/** What tells a TCP connection, or that with TLS over it, from all others that are open. */
export function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return [remoteAddress, remotePort, localAddress, localPort].join(" ");
}
