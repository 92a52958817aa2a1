import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import type { Batch } from "./batch.ts";
import type { ReceiveBuffers } from "./receive-buffers.ts";

// The same until the first are taken, and nothing more is until the next are asked for. A client's first byte waits for those
// to be received, hashed and written: for 1 MiB that takes 2 ms of CPU time.
const firstQueueLimitBytes = 32 * 1024;

// What is read on of a body nobody wants so that its connection can be used again, and for how long.
const discardLimits: CollectLimits = { limitBytes: 64 * 1024, deadlineMs: 2_000 };

// Answers that only announce the real one: 103, and what else is invented. Each renews undici's header timeout, so
// there may not be any number of them.
const interimLimit = 10;

/** Bounds of a body that is held in memory: its bytes, and the time until its last one. */
export interface CollectLimits {
  readonly limitBytes: number;
  readonly deadlineMs: number;
}

type End =
  | { readonly kind: "open" }
  | { readonly kind: "complete" }
  | { readonly kind: "failed"; readonly error: Error };

/** By lower-case name; a header that was repeated is one, joined by commas (RFC 9110, section 5.3). */
export type AnswerHeaders = Readonly<Record<string, string | undefined>>;

/** What becomes of a request until its answer's header. */
export interface HeaderListener {
  /** It is sent: there is a connection. Perhaps more than once, on another one. */
  onStart(): void;
  onHeader(status: number, headers: AnswerHeaders): void;
  /** There will be no header. */
  onFailure(error: Error): void;
}

/**
 * The body of one answer, taken in batches by one consumer. Undici's socket is paused while too many
 * wait, so a slow consumer slows the sender, not the process.
 */
export class AnswerBody implements Dispatcher.DispatchHandler {
  readonly #listener: HeaderListener;
  readonly #buffers: ReceiveBuffers;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => {
    this.#dropped = true;
    this.#abort(this.#signal?.reason);
  };
  #controller: Dispatcher.DispatchController | null = null;
  #chunks: Buffer[] = [];
  #queuedBytes = 0;
  // Whether bytes of it were taken.
  #hasBegun = false;
  // While it counts among those that come at once.
  #place: Disposable | null = null;
  #interim = 0;
  #end: End = { kind: "open" };
  #wake: (() => void) | null = null;
  #dropped = false;
  #onOver: (() => void) | null = null;

  /** `onHeader` is called once, or `onFailure` is if there is no header; later failures reject `next`. */
  constructor(listener: HeaderListener, buffers: ReceiveBuffers, signal?: AbortSignal) {
    this.#listener = listener;
    this.#buffers = buffers;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort);
  }

  /** The bytes that have come since the last call, at least one; null at the end. Rejects when the sender fails. */
  async next(): Promise<Batch | null> {
    while (this.#chunks.length === 0) {
      if (this.#end.kind === "complete") return null;
      if (this.#end.kind === "failed") throw this.#end.error;
      this.#goOn();
      await this.#come();
    }
    const batch = batchOf(this.#chunks, this.#queuedBytes, this.#buffers);
    this.#chunks = [];
    this.#queuedBytes = 0;
    if (this.#hasBegun) this.#goOn();
    else this.#begin();
    return batch;
  }

  /**
   * The whole body, or null (and the transfer ended) if it is longer than `limitBytes`. Rejects with
   * BodyDeadlineExceeded when it does not end within `deadlineMs`: the idle timeout alone would let a
   * sender of one byte now and then hold us for ever.
   */
  async collect({ limitBytes, deadlineMs }: CollectLimits): Promise<Buffer | null> {
    const timer = setTimeout(() => this.#abort(new BodyDeadlineExceeded(deadlineMs)), deadlineMs);
    try {
      const parts: Buffer[] = [];
      let sizeBytes = 0;
      for (let batch = await this.next(); batch; batch = await this.next()) {
        sizeBytes += batch.sizeBytes;
        if (sizeBytes > limitBytes) return null;
        parts.push(...batch.chunks);
      }
      return Buffer.concat(parts, sizeBytes);
    } finally {
      clearTimeout(timer);
      this.drop();
    }
  }

  /** Lets a short body run out unread, so that its connection can be used again; ends a long one. */
  discard(): void {
    // Why a body nobody wants ended is nobody's concern.
    this.collect(discardLimits).catch(() => {});
  }

  /** Whether we have ended the transfer, so that how it ended says nothing about the sender. */
  get dropped(): boolean {
    return this.#dropped;
  }

  /** Calls `then` when its connection is not needed any more: at once if that is so. One listener at a time. */
  whenOver(then: () => void): void {
    if (this.#end.kind === "open") this.#onOver = then;
    else then();
  }

  /** Ends the transfer. Harmless after the end. */
  drop(): void {
    this.#dropped = true;
    this.#abort(new Error("the answer is not wanted"));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#listener.onStart();
    if (this.#signal?.aborted) this.#onAbort();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status >= 200) this.#listener.onHeader(status, joined(headers));
    else if (++this.#interim > interimLimit) controller.abort(new Error("too many 1xx answers"));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#queuedBytes += chunk.length;
    const limitBytes = this.#hasBegun ? this.#buffers.queueLimitBytes : firstQueueLimitBytes;
    if (this.#queuedBytes >= limitBytes) controller.pause();
    this.#awaken();
  }

  onResponseEnd(): void {
    this.#finish({ kind: "complete" });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#listener.onFailure(error);
    this.#finish({ kind: "failed", error });
  }

  #begin(): void {
    this.#hasBegun = true;
    if (this.#end.kind === "open") this.#place = this.#buffers.enter();
  }

  #goOn(): void {
    if (this.#controller?.paused) this.#controller.resume();
  }

  async #come(): Promise<void> {
    // To go on may have brought some at once.
    if (this.#chunks.length > 0 || this.#end.kind !== "open") return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  #finish(end: End): void {
    this.#end = end;
    this.#place?.[Symbol.dispose]();
    // undici tells of an error behind the end, too, where telling of the end has thrown.
    this.#place = null;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#onOver?.();
    this.#awaken();
  }

  #abort(reason: Error): void {
    if (this.#end.kind === "open") this.#controller?.abort(reason);
  }

  #awaken(): void {
    this.#wake?.();
    this.#wake = null;
  }
}

function batchOf(chunks: readonly Buffer[], sizeBytes: number, buffers: ReceiveBuffers): Batch {
  let isDisposed = false;
  const dispose = (): void => {
    if (isDisposed) return;
    isDisposed = true;
    for (const chunk of chunks) buffers.giveBack(chunk);
  };
  return { chunks, sizeBytes, [Symbol.dispose]: dispose };
}

function joined(headers: IncomingHttpHeaders): AnswerHeaders {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : value,
    ]),
  );
}

export class BodyDeadlineExceeded extends Error {
  constructor(deadlineMs: number) {
    super(`the body did not end within ${deadlineMs} ms`);
    this.name = "BodyDeadlineExceeded";
  }
}
