import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { PlacedBlob } from "./origin.ts";
import { type AnswerHead, parseHead, requestFor } from "./raw-answer.ts";

/** Whether each pull connects anew, and is timed with that, or all go over one connection. */
export type ConnectionUse = "fresh" | "kept";

/**
 * Pulls blobs one after the other over bare sockets: between the bytes and the clock there is nothing whose own
 * time would have to be known.
 */
export class FirstByteClient implements Disposable {
  readonly #url: string;
  readonly #use: ConnectionUse;
  readonly #signal: AbortSignal;
  #socket: Socket | null = null;

  constructor(url: string, use: ConnectionUse, signal: AbortSignal) {
    this.#url = url;
    this.#use = use;
    this.#signal = signal;
  }

  /** Milliseconds from asking to the first byte of content. Rejects unless all of it came and is right. */
  async pull({ path, digest }: PlacedBlob): Promise<number> {
    if (this.#use === "kept") await this.#connected();
    const url = new URL(this.#url + path);
    const startMs = performance.now();
    const socket = this.#socket ?? this.#connect();
    socket.write(requestFor(url));
    const answer = await readAnswer(socket);
    if (answer.digest !== digest) throw new Error(`${url.href}: the content is ${answer.digest}`);
    if (this.#use === "fresh") this[Symbol.dispose]();
    return answer.firstByteMs - startMs;
  }

  [Symbol.dispose](): void {
    this.#socket?.destroy();
    this.#socket = null;
  }

  async #connected(): Promise<void> {
    if (this.#socket === null) await once(this.#connect(), "connect");
  }

  #connect(): Socket {
    const { hostname: host, port } = new URL(this.#url);
    const socket = connect({ host, port: Number(port), noDelay: true, signal: this.#signal });
    socket.setTimeout(60_000, () =>
      socket.destroy(new Error(`${this.#url}: nothing for a minute`)),
    );
    this.#socket = socket;
    return socket;
  }
}

interface TimedAnswer {
  readonly firstByteMs: number;
  readonly digest: string;
}

function readAnswer(socket: Socket): Promise<TimedAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<TimedAnswer>();
  const hash = createHash("sha256");
  let header: Buffer = Buffer.alloc(0);
  let head: AnswerHead | null = null;
  let firstByteMs = 0;
  let leftBytes = 0;

  const onContent = (bytes: Buffer, cameMs: number): void => {
    if (bytes.length === 0) return;
    firstByteMs ||= cameMs;
    hash.update(bytes);
    leftBytes -= bytes.length;
    if (leftBytes > 0) return;
    listen("off");
    resolve({ firstByteMs, digest: `sha256:${hash.digest("hex")}` });
  };
  const onHeader = (bytes: Buffer, cameMs: number): void => {
    header = Buffer.concat([header, bytes]);
    head = parseHead(header);
    if (head === null) return;
    leftBytes = head.contentBytes;
    onContent(header.subarray(head.endBytes), cameMs);
  };
  const onData = (bytes: Buffer): void => {
    const cameMs = performance.now();
    try {
      if (head === null) onHeader(bytes, cameMs);
      else onContent(bytes, cameMs);
    } catch (error) {
      reject(error);
    }
  };
  const onClose = (): void => reject(new Error("the connection was cut"));
  const listen = (how: "on" | "off"): void => {
    socket[how]("data", onData)[how]("error", reject)[how]("close", onClose);
  };
  listen("on");
  return promise;
}
