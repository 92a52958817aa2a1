import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { clientGroup } from "../config/client-group.ts";
import type { Log } from "../telemetry/log.ts";
import type { ConnectionRefusal, Metrics } from "../telemetry/metrics.ts";
import type { CreateServer } from "./create-server.ts";
import { endsOf } from "./tls-server.ts";

export interface ConnectionLimits {
  /** How many connections may be open at a time. */
  readonly most: number;
  /** How many of one client's address; null: as many as there may be. */
  readonly mostPerAddress: number | null;
  /** Whether an address is a proxy's now, behind which are many clients: these have as many as there may be. */
  readonly isProxy: (address: string) => boolean;
}

export interface ConnectionLimitOptions {
  /** What it is called in the log and in metrics. */
  readonly listener: string;
  readonly limits: ConnectionLimits;
  /** What those beyond are answered, with status 503: JSON. */
  readonly refusal: (sentence: string) => string;
  /** Has an answer ended that makes no progress, so that another can be given; false where there is none. */
  readonly makeRoom: () => boolean;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly monotonicMs: () => number;
}

interface Connection {
  readonly socket: Socket;
  readonly ends: string;
  readonly group: string;
  /** Why nobody is served over it; null: they are. */
  readonly refused: ConnectionRefusal | null;
  running: number;
  /** Since when no request of it is served, by the clock that never jumps. */
  waitingSinceMs: number;
}

// A request follows its connection at once; who has waited for longer than this can connect again.
const mayEndAfterMs = 1_000;

// To be told why one is refused costs a connection too: a few are kept for that, beyond those all others are closed.
const toldAtOnce = 32;

// A request's header comes with the next packet. Over TLS the handshake comes before it.
const toldWithinMs = 5_000;

// Clients that come again at once would only find the same.
const retryAfterSeconds = "5";

// A line for each would fill the disk in a flood.
const logEveryMs = 60_000;

/**
 * Bounds the connections of a listener. When all are taken, whoever has waited the longest without a request makes room:
 * kept-alive connections, and those that never asked for anything. Where there is none, `makeRoom` is asked to end an answer:
 * until that is gone there are more connections than may be, which the server's own bound ends. Where all are at work newcomers are answered 503, and
 * closed unanswered when there are many of them.
 */
export class ConnectionLimit {
  readonly #options: ConnectionLimitOptions;
  readonly #open = new Map<string, Connection>();
  /** Of sockets that requests came by: those with TLS are others than what was accepted. */
  readonly #bySocket = new WeakMap<Socket, Connection>();
  readonly #byGroup = new Map<string, number>();
  /** Those without a request, the longest first. */
  readonly #waiting = new Set<Connection>();
  #refusedNow = 0;
  /** Requests over HTTP/2 that are at work: a connection has many. */
  #streams = 0;
  #loggedMs = Number.NEGATIVE_INFINITY;

  constructor(options: ConnectionLimitOptions) {
    this.#options = options;
    const { metrics, listener, limits } = options;
    metrics.connectionsLimit.set({ listener }, limits.most);
    metrics.connections.set({ listener }, 0);
    metrics.beginConnections(listener);
  }

  /** The same `create`, for servers whose connections count here. */
  bounding(create: CreateServer): CreateServer {
    return (options, listener) => {
      const server = create(options, (request, response) =>
        this.#onRequest(request, response, listener),
      );
      const { limits, log, listener: name } = this.#options;
      server.maxConnections = limits.most + toldAtOnce;
      server.on("connection", (socket: Socket) => this.#onConnection(socket));
      server.on("drop", () => this.#count("full"));
      server.on("error", (err) => {
        // What fails before is told by whoever began to listen.
        if (server.listening) log.error({ err, listener: name }, "a connection was not accepted");
      });
      return server;
    };
  }

  #onConnection(socket: Socket): void {
    const { metrics, monotonicMs, listener } = this.#options;
    // It has ended before it was looked at.
    if (socket.remoteAddress === undefined) return void socket.destroy();
    const ends = endsOf(socket);
    const last = this.#open.get(ends);
    // Its end is not told yet, and its client has come again from the same port.
    if (last) this.#forget(last);
    const group = clientGroup(socket.remoteAddress);
    const refused = this.#refusalOf(group, socket.remoteAddress);
    const connection = { socket, ends, group, refused, running: 0, waitingSinceMs: monotonicMs() };
    this.#open.set(ends, connection);
    this.#byGroup.set(group, (this.#byGroup.get(group) ?? 0) + 1);
    if (refused === null) this.#waiting.add(connection);
    else this.#refuse(connection, refused);
    metrics.connections.set({ listener }, this.#open.size);
    socket.once("close", () => this.#forget(connection));
  }

  #refusalOf(group: string, address: string): ConnectionRefusal | null {
    const { most, mostPerAddress, isProxy } = this.#options.limits;
    const ofGroup = this.#byGroup.get(group) ?? 0;
    const isOver = mostPerAddress !== null && ofGroup >= mostPerAddress;
    if (isOver && !isProxy(address)) return "address";
    if (this.#open.size - this.#refusedNow < most) return null;
    return this.#endIdle() || this.#options.makeRoom() ? null : "full";
  }

  #endIdle(): boolean {
    const [longest] = this.#waiting;
    if (!longest) return false;
    if (this.#options.monotonicMs() - longest.waitingSinceMs < mayEndAfterMs) return false;
    longest.socket.destroy();
    this.#forget(longest);
    const { metrics, listener } = this.#options;
    metrics.connectionsEnded.inc({ listener });
    return true;
  }

  #refuse({ socket }: Connection, refused: ConnectionRefusal): void {
    this.#refusedNow++;
    this.#count(refused);
    const timer = setTimeout(() => socket.destroy(), toldWithinMs).unref();
    socket.once("close", () => clearTimeout(timer));
  }

  #count(reason: ConnectionRefusal): void {
    const { log, metrics, monotonicMs, listener, limits } = this.#options;
    metrics.connectionsRefused.inc({ listener, reason });
    if (monotonicMs() - this.#loggedMs < logEveryMs) return;
    this.#loggedMs = monotonicMs();
    const { most, mostPerAddress } = limits;
    log.warn({ listener, reason, most, mostPerAddress }, "connections are refused");
  }

  #forget(connection: Connection): void {
    if (this.#open.get(connection.ends) !== connection) return;
    this.#open.delete(connection.ends);
    this.#waiting.delete(connection);
    if (connection.refused !== null) this.#refusedNow--;
    const left = (this.#byGroup.get(connection.group) ?? 1) - 1;
    if (left > 0) this.#byGroup.set(connection.group, left);
    else this.#byGroup.delete(connection.group);
    const { metrics, listener } = this.#options;
    metrics.connections.set({ listener }, this.#open.size);
  }

  #onRequest(request: IncomingMessage, response: ServerResponse, listener: RequestListener): void {
    const connection = this.#connectionOf(request.socket);
    const isStream = request.httpVersionMajor >= 2;
    const refused = connection?.refused ?? (isStream ? this.#refusalOfStream() : null);
    if (connection) this.#serve(connection, response);
    if (refused !== null) {
      this.#answerRefused(response, refused);
    } else {
      if (isStream) this.#serveStream(response);
      listener(request, response);
    }
  }

  #connectionOf(socket: Socket): Connection | undefined {
    const known = this.#bySocket.get(socket);
    if (known) return known;
    const connection = this.#open.get(endsOf(socket));
    if (connection) this.#bySocket.set(socket, connection);
    return connection;
  }

  #refusalOfStream(): ConnectionRefusal | null {
    if (this.#streams < this.#options.limits.most || this.#options.makeRoom()) return null;
    this.#count("full");
    return "full";
  }

  /** Each takes as much as a connection does over HTTP/1.1. */
  #serveStream(response: ServerResponse): void {
    this.#streams++;
    response.once("close", () => {
      this.#streams--;
    });
  }

  #serve(connection: Connection, response: ServerResponse): void {
    connection.running++;
    this.#waiting.delete(connection);
    response.once("close", () => {
      connection.running--;
      if (connection.running > 0 || connection.refused || connection.socket.destroyed) return;
      connection.waitingSinceMs = this.#options.monotonicMs();
      this.#waiting.add(connection);
    });
  }

  #answerRefused(response: ServerResponse, refused: ConnectionRefusal): void {
    const { limits, refusal } = this.#options;
    const sentence =
      refused === "full"
        ? `the mirror has ${limits.most} connections or requests already, and all are at work`
        : `your address has ${limits.mostPerAddress} connections to the mirror already`;
    const body = refusal(sentence);
    response.writeHead(503, sentence, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "retry-after": retryAfterSeconds,
      connection: "close",
    });
    response.end(body);
  }
}
