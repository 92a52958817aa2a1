import { setTimeout as after } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import type { StorageError } from "../../storage-error.ts";
import type { CatalogWrite } from "./catalog-write.ts";
import { WriteQueue } from "./write-queue.ts";

// Before each new attempt. What kills a thread (memory, a bug) may pass; after these it has not.
const defaultPausesMs = [100, 1_000, 5_000, 15_000, 60_000];

// A thread that lived so long is not the one that failed to start.
const provenMs = 60_000;

/** The writer's thread, started again when it dies. The writes that were on their way are lost then, and rejected. */
export class KeptWriter implements AsyncDisposable {
  readonly #startThread: () => Worker;
  readonly #pausesMs: readonly number[];
  readonly #closing = new AbortController();
  #queue: WriteQueue;
  readonly #keeping: Promise<void>;

  private constructor(startThread: () => Worker, pausesMs: readonly number[], queue: WriteQueue) {
    this.#startThread = startThread;
    this.#pausesMs = pausesMs;
    this.#queue = queue;
    this.#keeping = this.#keep();
  }

  /** Resolves when the first thread has opened the catalog, and rejects if it cannot. */
  static async start(
    startThread: () => Worker,
    pausesMs: readonly number[] = defaultPausesMs,
  ): Promise<KeptWriter> {
    return new KeptWriter(startThread, pausesMs, await WriteQueue.start(startThread()));
  }

  /** Why no write is taken now; null as long as they are. */
  get stopped(): StorageError | null {
    return this.#queue.stopped;
  }

  /** As `Catalog.isLogLong` says. */
  get isLogLong(): boolean {
    return this.#queue.isLogLong;
  }

  /** As `Catalog.isLogFull` says. */
  get isLogFull(): boolean {
    return this.#queue.isLogFull;
  }

  /** As WriteQueue does. While the thread is dead every write is rejected at once: no pull may wait for it. */
  submit(write: CatalogWrite): Promise<void> {
    return this.#queue.submit(write);
  }

  /** As WriteQueue does. */
  backUp(path: string): Promise<void> {
    return this.#queue.backUp(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#queue[Symbol.asyncDispose]();
    await this.#keeping;
    // The one that was being started meanwhile.
    await this.#queue[Symbol.asyncDispose]();
  }

  async #keep(): Promise<void> {
    let attempt = 0;
    while (!this.#closing.signal.aborted) {
      const startedAtMs = performance.now();
      await this.#queue.ended;
      if (performance.now() - startedAtMs > provenMs) attempt = 0;
      if (!(await this.#pause(attempt))) return;
      attempt += 1;
      this.#queue = await this.#begin().catch(() => this.#queue);
    }
  }

  async #begin(): Promise<WriteQueue> {
    return await WriteQueue.start(this.#startThread());
  }

  /** Resolves to false if there is to be no further attempt. */
  async #pause(attempt: number): Promise<boolean> {
    const pauseMs = this.#pausesMs[attempt];
    if (pauseMs === undefined) return false;
    await after(pauseMs, null, { ref: false, signal: this.#closing.signal }).catch(() => {});
    return !this.#closing.signal.aborted;
  }
}
