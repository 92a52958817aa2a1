import { setTimeout as after } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { StorageError } from "../../storage-error.ts";
import type { CatalogWrite } from "./catalog-write.ts";
import { hasDied, WriteQueue } from "./write-queue.ts";

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
  /** Why it could not be started again; null while it was not tried, or could be. */
  #failure: StorageError | null = null;
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
    return this.#failure ?? this.#queue.stopped;
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
    if (this.#failure) return Promise.reject(this.#failure);
    return this.#queue.submit(write);
  }

  /** As WriteQueue does. */
  backUp(path: string): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
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
    const { signal } = this.#closing;
    let attempt = 0;
    for (;;) {
      const startedAtMs = performance.now();
      await this.#queue.ended;
      if (signal.aborted) return;
      if (performance.now() - startedAtMs > provenMs) attempt = 0;
      const pauseMs = this.#pausesMs[attempt];
      if (pauseMs === undefined) return this.#giveUp();
      await after(pauseMs, null, { ref: false, signal }).catch(() => {});
      if (signal.aborted) return;
      attempt += 1;
      await this.#startAgain();
    }
  }

  async #startAgain(): Promise<void> {
    try {
      this.#queue = await WriteQueue.start(this.#startThread());
      this.#failure = null;
    } catch (error) {
      this.#failure = hasDied(error instanceof StorageError ? error.cause : error);
    }
  }

  #giveUp(): void {
    this.#failure = new StorageError(
      "the catalog's writer has died and could not be started again, so nothing new is recorded. Restart sluice",
      { cause: this.stopped?.cause },
    );
  }
}
