import type { Socket } from "node:net";
import { setTimeout as after } from "node:timers/promises";
import type { SeededContent } from "./seeded-content.ts";

/** What the fault upstream saw of one request and did about it. */
export interface FaultRequest {
  /** In ms since the process began. */
  readonly atMs: number;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** The connection it came over; they are counted from 0. */
  readonly connection: number;
  /** Whether it came to the second port, where storage behind a redirect would be. */
  readonly hop: boolean;
  /** The status line that was sent, null until then. */
  statusLine: string | null;
  /** Bytes of body that the socket has taken. */
  sentBytes: number;
}

/** A place where a body stops until it is let go on. */
export interface Gate {
  readonly afterBytes: number;
  readonly opened: Promise<void>;
}

/** How bodies go out. */
export interface Pace {
  readonly bytesPerSecond: number;
  readonly gates: readonly Gate[];
}

export type HeaderLines = Readonly<Record<string, string | number | readonly string[]>>;

/** Pieces small enough that a pace is even and a cut is where it should be. */
const pieceBytes = 64 * 1024;

/** One answer, written byte for byte. Every method resolves when the socket has taken the bytes or is gone. */
export class FaultWire {
  readonly #socket: Socket;
  readonly #request: FaultRequest;
  readonly #pace: Pace;
  readonly #closed: Promise<void>;

  /** `closed` resolves when the socket has closed. */
  constructor(
    { socket, closed }: { readonly socket: Socket; readonly closed: Promise<void> },
    request: FaultRequest,
    pace: Pace,
  ) {
    this.#socket = socket;
    this.#closed = closed;
    this.#request = request;
    this.#pace = pace;
  }

  get gone(): boolean {
    return this.#socket.destroyed;
  }

  /** A status line and headers; a name with several values is sent several times. */
  head(statusLine: string, headers: HeaderLines): Promise<void> {
    this.#request.statusLine = statusLine;
    const lines = Object.entries(headers).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((one) => `${name}: ${one}\r\n`),
    );
    return this.raw(`HTTP/1.1 ${statusLine}\r\n${lines.join("")}\r\n`);
  }

  /** A short answer with its length. */
  async whole(statusLine: string, headers: HeaderLines, body: string | Buffer = ""): Promise<void> {
    await this.head(statusLine, { "content-length": Buffer.byteLength(body), ...headers });
    if (this.#request.method !== "HEAD") await this.raw(body);
  }

  async raw(bytes: string | Buffer): Promise<void> {
    if (this.gone || bytes.length === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.write(bytes, () => resolve());
    await Promise.race([promise, this.#closed]);
  }

  /** Bytes of content, at the pace that was set. */
  async body(content: SeededContent, first: number, end: number): Promise<void> {
    await this.#send(content, first, end, (piece) => this.raw(piece));
  }

  /** The same as chunks; `lastChunk` ends them. */
  async chunks(content: SeededContent, first: number, end: number): Promise<void> {
    await this.#send(content, first, end, (piece) =>
      this.raw(
        Buffer.concat([
          Buffer.from(`${piece.length.toString(16)}\r\n`),
          piece,
          Buffer.from("\r\n"),
        ]),
      ),
    );
  }

  lastChunk(): Promise<void> {
    return this.raw("0\r\n\r\n");
  }

  /** Says that nothing more comes. */
  end(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Leaves the connection as it is until the other side ends it. */
  async silence(): Promise<void> {
    await this.#closed;
  }

  async #send(
    content: SeededContent,
    first: number,
    end: number,
    write: (piece: Buffer) => Promise<void>,
  ): Promise<void> {
    const { gates, bytesPerSecond } = this.#pace;
    const startMs = performance.now();
    for (let at = first; at < end && !this.gone; ) {
      for (const { afterBytes, opened } of gates)
        if (at >= afterBytes) await Promise.race([opened, this.#closed]);
      const next = gates.find(({ afterBytes }) => at < afterBytes)?.afterBytes ?? end;
      const piece = content.slice(at, Math.min(end, next, at + pieceBytes));
      await write(piece);
      if (!this.gone) this.#request.sentBytes += piece.length;
      at += piece.length;
      const dueMs = startMs + ((at - first) / bytesPerSecond) * 1000;
      const earlyMs = dueMs - performance.now();
      if (earlyMs > 0) await after(earlyMs);
    }
  }
}
