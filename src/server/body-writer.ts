import type { ServerResponse } from "node:http";
import type { ByteRange } from "../oci/byte-range.ts";
import type { ReadableBytes } from "../storage/blob-store.ts";
import { waitFor } from "../telemetry/waits.ts";
import type { LentBuffers } from "./buffer-budget.ts";
import { cut } from "./cut.ts";

/** The client went away before the end: nothing is wrong with the mirror. */
export class ClientGone extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "ClientGone";
  }
}

/** Writes bodies to one response, each buffer only given back when the socket has taken it. */
export class BodyWriter implements Disposable {
  readonly #response: ServerResponse;
  readonly #idleMs: number;
  readonly #onClose = (): void =>
    this.#giveUp?.(new ClientGone(this.#why ?? "the client closed the connection"));
  readonly #idleTimer: NodeJS.Timeout;
  // Ends the write that the socket has not taken yet.
  #giveUp: ((reason: ClientGone) => void) | null = null;
  // What we ended the connection for; null if it was not us.
  #why: string | null = null;
  #sentBytes = 0;

  /** A client that takes nothing for `idleMs` is let go of. */
  constructor(response: ServerResponse, idleMs: number) {
    this.#response = response;
    this.#idleMs = idleMs;
    response.once("close", this.#onClose);
    this.#idleTimer = setTimeout(() => this.#onIdle(), idleMs).unref();
  }

  /** Bytes the socket has taken. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Sends what stands between parts of the content. Rejects with ClientGone. */
  async sendFrame(bytes: Buffer): Promise<void> {
    await this.#write(bytes);
  }

  /**
   * Sends the bytes of `range`, or all there are if it is null. Rejects with ClientGone, or with what reading
   * rejects with; then the response is not ended.
   */
  async send(
    source: ReadableBytes,
    range: ByteRange | null,
    { buffers }: LentBuffers,
  ): Promise<void> {
    let atBytes = range?.first ?? 0;
    const endBytes = range ? range.last + 1 : Number.POSITIVE_INFINITY;
    let writing = Promise.resolve();
    for (let turn = 0; atBytes < endBytes; turn++) {
      const buffer = buffers[turn % buffers.length] ?? buffers[0];
      // The socket may still be taking what is in it.
      if (buffers.length === 1) await writing;
      const chunk = buffer.subarray(0, Math.min(buffer.length, endBytes - atBytes));
      const readBytes = await readBeside(writing, source.read(chunk, atBytes));
      if (readBytes === 0) break;
      writing = waitFor("client", () => this.#write(chunk.subarray(0, readBytes)));
      atBytes += readBytes;
    }
    await writing;
    if (range && atBytes < endBytes) throw new Error("the content ended before its size");
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#idleTimer);
    this.#response.off("close", this.#onClose);
  }

  #write(chunk: Buffer): Promise<void> {
    this.#idleTimer.refresh();
    return new Promise((resolve, reject) => {
      if (this.#response.destroyed)
        return reject(new ClientGone(this.#why ?? "the client closed the connection"));
      this.#giveUp = reject;
      this.#response.write(chunk, (error) => {
        this.#giveUp = null;
        this.#sentBytes += error ? 0 : chunk.length;
        if (error) reject(new ClientGone(this.#why ?? error.message));
        else resolve();
      });
    });
  }

  #onIdle(): void {
    if (!this.#giveUp) return;
    this.#why = `the client took nothing for ${this.#idleMs / 1000} seconds`;
    cut(this.#response);
  }
}

/**
 * Waits for a read and the write beside it. Both have ended when it returns, however they did: a buffer that is
 * still read into, or sent from, must not be lent to another body.
 */
async function readBeside(writing: Promise<void>, reading: Promise<number>): Promise<number> {
  const [read, written] = await Promise.allSettled([reading, writing]);
  if (written.status === "rejected") throw written.reason;
  if (read.status === "rejected") throw read.reason;
  return read.value;
}
