import { write, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { plainLine } from "./plain-line.ts";

// Lines are gathered up to so much, so that logging costs a system call for some fifty requests, not for each; and
// written at the latest after this long, so that someone who watches is not kept waiting.
const gatheredChars = 16 * 1024;
const latestMs = 500;

// What is written at a time. V8 looks through its whole heap for each few MiB of new memory that are handed to it, which
// lines would be in minutes: this is used again and again.
const pieceBytes = 64 * 1024;

// A reader that stops reading, or a full disk, must neither take the memory of pulls nor end the mirror. Some 3,000 lines
// wait for it; then lines are lost.
const waitingLimitChars = 1024 * 1024;

// A pipe that is full, or a disk, is tried again.
const retryMs = 100;

// The last lines get this long at the end.
const lastLinesMs = 1_000;

/** Lines on their way to a descriptor, whoever reads that or does not. Disposing it writes the last ones, if anybody takes them. */
export class LineOutput implements AsyncDisposable {
  readonly #descriptor: number;
  readonly #timer: NodeJS.Timeout;
  readonly #piece = Buffer.allocUnsafeSlow(pieceBytes);
  readonly #encoder = new TextEncoder();
  readonly #drained = Promise.withResolvers<void>();
  /** Of the piece: what is not written yet. */
  #left: Buffer = this.#piece.subarray(0, 0);
  #waiting = "";
  #isWriting = false;
  #isPausing = false;
  #state: "open" | "ending" | "closed" = "open";

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    this.#timer = setInterval(() => this.#write(), latestMs).unref();
  }

  write(line: string): void {
    if (this.#state !== "open" || this.#waiting.length + line.length > waitingLimitChars) return;
    this.#waiting += line;
    if (this.#waiting.length >= gatheredChars) this.#write();
  }

  /** Writes what waits before it returns, as far as it is taken: for the end of a process that nobody has foreseen. */
  writeAtOnce(): void {
    if (this.#state === "closed" || this.#isWriting) return;
    const untilMs = performance.now() + lastLinesMs;
    const pause = new Int32Array(new SharedArrayBuffer(4));
    while (this.#next().length > 0) {
      try {
        this.#left = this.#left.subarray(writeSync(this.#descriptor, this.#left));
      } catch (error) {
        if (!isFull(error) || performance.now() > untilMs) return;
        Atomics.wait(pause, 0, 0, retryMs);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "open") this.#state = "ending";
    this.#write();
    await Promise.race([this.#drained.promise, delay(lastLinesMs, undefined, { ref: false })]);
    this.#state = "closed";
    clearInterval(this.#timer);
  }

  /** What is to be written next; empty: nothing is. */
  #next(): Buffer {
    if (this.#left.length > 0 || this.#waiting === "") return this.#left;
    const text = plainLine(this.#waiting);
    const { read, written } = this.#encoder.encodeInto(text, this.#piece);
    this.#waiting = text.slice(read);
    this.#left = this.#piece.subarray(0, written);
    return this.#left;
  }

  #write(): void {
    if (this.#isWriting || this.#isPausing || this.#state === "closed") return;
    const next = this.#next();
    if (next.length === 0) {
      if (this.#state === "ending") this.#drained.resolve();
      return;
    }
    this.#isWriting = true;
    write(this.#descriptor, next, (error, writtenBytes) => this.#onWritten(error, writtenBytes));
  }

  #onWritten(error: NodeJS.ErrnoException | null, writtenBytes: number): void {
    this.#isWriting = false;
    if (error) {
      this.#onFailure(error);
      return;
    }
    this.#left = this.#left.subarray(writtenBytes);
    const isMore = this.#left.length > 0 || this.#waiting.length >= gatheredChars;
    if (isMore || this.#state === "ending") this.#write();
  }

  #onFailure(error: NodeJS.ErrnoException): void {
    // Nobody will take it.
    if (this.#state === "ending" && !isFull(error)) this.#drained.resolve();
    this.#isPausing = true;
    setTimeout(() => {
      this.#isPausing = false;
      this.#write();
    }, retryMs);
  }
}

function isFull(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "EAGAIN" || code === "EBUSY";
}
