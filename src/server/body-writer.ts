import type { ServerResponse } from "node:http";
import { cut } from "../listeners/cut.ts";
import type { BlobReader } from "../mirror/blob-reader.ts";
import type { ByteRange } from "../oci/byte-range.ts";
import { waitFor } from "../telemetry/waits.ts";
import type { Batch } from "../upstream/exchange/batch.ts";
import type { LentBuffers } from "./buffer-budget.ts";

/** The client went away before the end: nothing is wrong with the mirror. */
export class ClientGone extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "ClientGone";
  }
}

// What is borrowed at a time: as much as the largest buffer holds, so that a client has as long for it.
const borrowedBytes = 1024 * 1024;

/** Where content comes from. */
type Source = Pick<BlobReader, "read" | "borrow">;

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
    await this.#write({ chunks: [bytes], sizeBytes: bytes.length });
  }

  /**
   * Sends the bytes of `range`, or all there are if it is null. Rejects with ClientGone, or with what reading
   * rejects with; then the response is not ended.
   */
  async send(source: Source, range: ByteRange | null, lent: LentBuffers): Promise<void> {
    let atBytes = range?.first ?? 0;
    const endBytes = range ? range.last + 1 : Number.POSITIVE_INFINITY;
    let writing = Promise.resolve();
    for (let turn = 0; atBytes < endBytes; turn++) {
      const wanted = { atBytes, mostBytes: endBytes - atBytes };
      const taking = take(source, wanted, { lent, turn, writing });
      const batch = await takenBeside(writing, taking);
      if (batch.sizeBytes === 0) break;
      writing = waitFor("client", () => this.#writeAndGiveBack(batch));
      atBytes += batch.sizeBytes;
    }
    await writing;
    if (range && atBytes < endBytes) throw new Error("the content ended before its size");
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#idleTimer);
    this.#response.off("close", this.#onClose);
  }

  async #writeAndGiveBack(batch: Batch): Promise<void> {
    using written = batch;
    await this.#write(written);
  }

  #write({ chunks, sizeBytes }: Pick<Batch, "chunks" | "sizeBytes">): Promise<void> {
    this.#idleTimer.refresh();
    return new Promise((resolve, reject) => {
      if (this.#response.destroyed)
        return reject(new ClientGone(this.#why ?? "the client closed the connection"));
      this.#giveUp = reject;
      const onTaken = (error?: Error | null): void => {
        this.#giveUp = null;
        this.#sentBytes += error ? 0 : sizeBytes;
        if (error) reject(new ClientGone(this.#why ?? error.message));
        else resolve();
      };
      // What is written in one turn goes out in one call; the last is taken when all are.
      chunks.forEach((chunk, at) => {
        this.#response.write(chunk, at === chunks.length - 1 ? onTaken : undefined);
      });
    });
  }

  #onIdle(): void {
    if (!this.#giveUp) return;
    this.#why = `the client took nothing for ${this.#idleMs / 1000} seconds`;
    cut(this.#response);
  }
}

interface Wanted {
  readonly atBytes: number;
  readonly mostBytes: number;
}

interface Turn {
  readonly lent: LentBuffers;
  readonly turn: number;
  /** What the socket is still taking. */
  readonly writing: Promise<void>;
}

/** The next bytes: borrowed where they are in memory, else read into the buffer whose turn it is. None at the end. */
async function take(
  source: Source,
  { atBytes, mostBytes }: Wanted,
  { lent, turn, writing }: Turn,
): Promise<Batch> {
  const borrowed = await source.borrow?.(atBytes, Math.min(borrowedBytes, mostBytes));
  if (borrowed) return borrowed;
  const { buffers } = lent;
  const buffer = buffers[turn % buffers.length] ?? buffers[0];
  // The socket may still be taking what is in it.
  if (buffers.length === 1) await writing;
  const chunk = buffer.subarray(0, Math.min(buffer.length, mostBytes));
  const sizeBytes = await source.read(chunk, atBytes);
  return { chunks: [chunk.subarray(0, sizeBytes)], sizeBytes, [Symbol.dispose]: () => {} };
}

/**
 * Waits for what is taken and the write beside it. Both have ended when it returns, however they did: a buffer that is
 * still read into, or sent from, must not be lent to another body.
 */
async function takenBeside(writing: Promise<void>, taking: Promise<Batch>): Promise<Batch> {
  const [taken, written] = await Promise.allSettled([taking, writing]);
  if (taken.status === "rejected")
    throw written.status === "rejected" ? written.reason : taken.reason;
  if (written.status === "fulfilled") return taken.value;
  taken.value[Symbol.dispose]();
  throw written.reason;
}
