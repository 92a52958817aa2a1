import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { Http2Request, Http2Response } from "./http2-messages.ts";

export type OnRequest = (request: IncomingMessage, response: ServerResponse) => void;

// What a client may do to a session. Node's own bounds are wide, for it does not know what a session is for.
const bounds = {
  settings: {
    // As nginx; the most that a client was seen to use is one for each layer of an image, some tens.
    maxConcurrentStreams: 128,
    // As over HTTP/1.1.
    maxHeaderListSize: 16 * 1024,
    enablePush: false,
  },
  maxHeaderListPairs: 100,
  // Clients that leave reset all they had, 128 at most, and now and then a stream; who opens streams only to reset
  // them makes work (CVE-2023-44487), and has the session ended.
  streamResetBurst: 512,
  streamResetRate: 32,
  // Honest clients send none.
  maxSessionInvalidFrames: 32,
};

// As long as a connection with HTTP/1.1 is kept without a request.
const idleMs = 75_000;

// 2^31 - 1: no stream is refused yet (RFC 9113, section 6.8).
const everyStream = 0x7fff_ffff;

interface Session {
  readonly session: ServerHttp2Session;
  readonly socket: Socket;
  /** Runs while nothing is asked. */
  idle: NodeJS.Timeout | undefined;
  streams: number;
  isWarned: boolean;
}

/** The connections of a server over which HTTP/2 is spoken. Their requests look like those over HTTP/1.1. */
export class Http2Sessions {
  readonly #http2: Http2Server;
  readonly #sessions = new Map<ServerHttp2Session, Session>();
  readonly #onRequest: OnRequest;

  constructor(onRequest: OnRequest) {
    this.#onRequest = onRequest;
    const messages = { Http2ServerRequest: Http2Request, Http2ServerResponse: Http2Response };
    this.#http2 = createServer({ ...bounds, ...messages }, (request, response) => {
      const { session } = request.stream;
      const own = session && this.#sessions.get(session as ServerHttp2Session);
      if (!own) return;
      // Node shows a proxy of it for each stream, by which connections cannot be told apart.
      Object.defineProperty(request, "socket", { value: own.socket });
      // They are made to be what these are, as far as anybody here looks.
      this.#onRequest(request as unknown as IncomingMessage, response as unknown as ServerResponse);
    });
  }

  /** Takes a connection whose client has chosen HTTP/2. */
  take(socket: Socket): void {
    this.#http2.once("session", (session) => this.#keep(session, socket));
    this.#http2.emit("connection", socket);
  }

  /** Tells every client to ask nothing more here, and ends the sessions in which nothing is asked; call it again until none is left. */
  closeIdle(): void {
    for (const own of this.#sessions.values()) {
      if (own.session.destroyed) continue;
      if (!own.isWarned) own.session.goaway(0, everyStream);
      else if (own.streams === 0) end(own);
      own.isWarned = true;
    }
  }

  #keep(session: ServerHttp2Session, socket: Socket): void {
    const own: Session = { session, socket, idle: undefined, streams: 0, isWarned: false };
    this.#sessions.set(session, own);
    endIfIdle(own);
    session.on("stream", (stream) => {
      own.streams++;
      clearTimeout(own.idle);
      stream.once("close", () => {
        own.streams--;
        if (own.streams === 0) endIfIdle(own);
      });
    });
    session.once("close", () => {
      clearTimeout(own.idle);
      this.#sessions.delete(session);
    });
  }
}

/** Timed by streams, and not by frames: pings would keep a session that asks for nothing. */
function endIfIdle(own: Session): void {
  own.idle = setTimeout(() => end(own), idleMs).unref();
}

// For the good-bye to leave the machine; a client that takes not even that is cut.
const lastFramesMs = 5_000;

function end({ session, socket }: Session): void {
  if (session.destroyed) return;
  session.close();
  const cut = setTimeout(() => socket.destroy(), lastFramesMs).unref();
  session.once("close", () => clearTimeout(cut));
}
