import type { Worker } from "node:worker_threads";
import Database from "better-sqlite3";
import { StorageError } from "../../storage-error.ts";
import {
  type CatalogWrite,
  type FromWriter,
  type LogLength,
  rowsOf,
  type ToWriter,
  type WriteFailure,
} from "./catalog-write.ts";

interface Pending extends PromiseWithResolvers<void> {
  readonly write: CatalogWrite;
}

// A transaction of this many rows takes a few milliseconds, so the first of its writes need not wait
// long for the last.
const batchRows = 200;

// A row takes some 300 bytes here, so this is 6 MB, and less than a second of work. Only a disk that
// hangs lets it fill up.
const queueRows = 20_000;

/**
 * The writes on their way to the writer's thread. While one batch is written the next ones gather, and
 * go as one transaction: the busier the catalog, the less a write costs.
 */
export class WriteQueue implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #ready: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #exited: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #waiting: Pending[] = [];
  #waitingRows = 0;
  /** Sent to the worker and not answered yet. */
  readonly #sent: Pending[] = [];
  #backup: PromiseWithResolvers<void> | null = null;
  #logLength: LogLength = "short";
  /** Why no write is taken any more. */
  #stopped: StorageError | null = null;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("message", (message: FromWriter) => this.#receive(message));
    worker.on("error", (error) => this.#fail(error));
    worker.on("exit", (code) => {
      this.#fail(new Error(`its thread ended with code ${code}`));
      this.#exited.resolve();
    });
  }

  /** Resolves when `worker`, a catalog-writer, has opened the catalog. */
  static async start(worker: Worker): Promise<WriteQueue> {
    const queue = new WriteQueue(worker);
    await queue.#ready.promise;
    return queue;
  }

  /** Why no write is taken any more; null as long as they are. */
  get stopped(): StorageError | null {
    return this.#stopped;
  }

  /** As `Catalog.isLogLong` says. */
  get isLogLong(): boolean {
    return this.#logLength !== "short";
  }

  /** As `Catalog.isLogFull` says. */
  get isLogFull(): boolean {
    return this.#logLength === "full";
  }

  /** Resolves when the thread has ended, of itself or because this was disposed. */
  get ended(): Promise<void> {
    return this.#exited.promise;
  }

  /**
   * Resolves when the write is committed. Rejects with StorageError, an SqliteError as its cause, if it
   * could not be made; and without if the writer is too far behind, has died or was closed.
   */
  submit(write: CatalogWrite): Promise<void> {
    if (this.#stopped) return Promise.reject(this.#stopped);
    if (this.#waitingRows >= queueRows) return Promise.reject(overflow());
    const pending: Pending = { write, ...Promise.withResolvers<void>() };
    this.#waiting.push(pending);
    this.#waitingRows += rowsOf(write);
    if (this.#sent.length === 0) this.#send(batchRows);
    return pending.promise;
  }

  /**
   * Copies the catalog to the empty file at `path`, one copy at a time, while writes go on. Rejects with StorageError
   * if it cannot be made.
   */
  backUp(path: string): Promise<void> {
    if (this.#stopped) return Promise.reject(this.#stopped);
    if (this.#backup) return Promise.reject(new StorageError("a backup is being made already"));
    this.#backup = Promise.withResolvers();
    this.#post({ kind: "back-up", path });
    return this.#backup.promise;
  }

  /** Writes what was submitted, and resolves when the worker has closed the catalog and ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#stopped) {
      this.#stopped = new StorageError("the catalog is closed");
      this.#send(Number.POSITIVE_INFINITY);
      this.#post({ kind: "close" });
    }
    await this.#exited.promise;
  }

  #receive(message: FromWriter): void {
    switch (message.kind) {
      case "ready":
        this.#ready.resolve();
        break;
      case "written":
        for (const failure of message.failures) settle(this.#sent.shift(), failure);
        if (this.#sent.length === 0) this.#send(batchRows);
        break;
      case "backed-up":
        this.#endBackup(message.failure);
        break;
      case "log":
        this.#logLength = message.length;
    }
  }

  #endBackup(failure: WriteFailure | null): void {
    if (failure) this.#backup?.reject(failed("be backed up", failure));
    else this.#backup?.resolve();
    this.#backup = null;
  }

  /** Sends what waits, until it is `limitRows` rows or more. */
  #send(limitRows: number): void {
    const batch: Pending[] = [];
    let rows = 0;
    while (rows < limitRows) {
      const next = this.#waiting.shift();
      if (!next) break;
      batch.push(next);
      rows += rowsOf(next.write);
    }
    if (batch.length === 0) return;
    this.#waitingRows -= rows;
    this.#sent.push(...batch);
    this.#post({ kind: "write", writes: batch.map((pending) => pending.write) });
  }

  #post(message: ToWriter): void {
    this.#worker.postMessage(message);
  }

  #fail(cause: unknown): void {
    this.#stopped ??= hasDied(cause);
    this.#ready.reject(this.#stopped);
    this.#backup?.reject(this.#stopped);
    for (const pending of [...this.#sent.splice(0), ...this.#waiting.splice(0)]) {
      pending.reject(this.#stopped);
    }
  }
}

/** The error of those who write while it is about to be started again. */
export function hasDied(cause: unknown): StorageError {
  return new StorageError(
    "the catalog's writer has died, so nothing new is recorded. It is started again; if that does not help, restart sluice",
    { cause },
  );
}

function settle(pending: Pending | undefined, failure: WriteFailure | null): void {
  if (failure) pending?.reject(failed(pending.write.kind.replaceAll("-", " "), failure));
  else pending?.resolve();
}

function failed(action: string, { code, message }: WriteFailure): StorageError {
  return new StorageError(`the catalog could not ${action}: ${message}`, {
    cause: new Database.SqliteError(message, code),
  });
}

function overflow(): StorageError {
  return new StorageError(
    `the catalog's writer is ${queueRows} rows behind. Look at the disk of the storage directory: it is too slow or hangs`,
  );
}
