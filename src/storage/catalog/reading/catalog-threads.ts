import { Worker } from "node:worker_threads";
import { codeOf, StorageError } from "../../storage-error.ts";
import type { CatalogAnswers, CatalogQuestion } from "./catalog-question.ts";

/**
 * Threads that answer what is asked of the catalog as a whole; two questions at a time have a thread each. One that has
 * answered stays for the next question: to start one takes 0.1 s, as long as most answers.
 */
export class CatalogThreads implements AsyncDisposable {
  readonly #path: string;
  readonly #threads = new Set<Worker>();
  #idle: Worker | null = null;
  #closed = false;

  /** `path` is that of the catalog. */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Rejects with StorageError, an error with the `code` of SQLite as its cause, if the catalog cannot be read; and without
   * if the thread ends without an answer, as it does when this is disposed. A bug of its is thrown as it is.
   */
  async ask<Kind extends CatalogQuestion["kind"]>(
    question: CatalogQuestion & { readonly kind: Kind },
  ): Promise<CatalogAnswers[Kind]> {
    if (this.#closed) throw new StorageError("the catalog is closed");
    const thread = this.#take();
    const answer = await answerOf<CatalogAnswers[Kind]>(thread, question);
    this.#giveBack(thread);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#threads].map((thread) => thread.terminate()));
  }

  #take(): Worker {
    const thread = this.#idle ?? this.#start();
    this.#idle = null;
    thread.ref();
    return thread;
  }

  #start(): Worker {
    const url = new URL("./catalog-thread.ts", import.meta.url);
    const thread = new Worker(url, { workerData: this.#path });
    this.#threads.add(thread);
    thread.once("exit", () => {
      this.#threads.delete(thread);
      if (this.#idle === thread) this.#idle = null;
    });
    return thread;
  }

  #giveBack(thread: Worker): void {
    if (this.#idle || this.#closed) {
      thread.postMessage(null);
      return;
    }
    thread.unref();
    this.#idle = thread;
  }
}

function answerOf<T>(thread: Worker, question: CatalogQuestion): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const exited = (code: number): void => {
    reject(new StorageError(`${failures[question.kind]}: the thread ended with ${code}`));
  };
  const failed = (error: unknown): void => reject(failureOf(error, question));
  thread.once("message", resolve).once("error", failed).once("exit", exited);
  thread.postMessage(question);
  return promise.finally(() => {
    thread.off("message", resolve).off("error", failed).off("exit", exited);
  });
}

/** Of what a thread threw the `code` comes over, but not the class. */
function failureOf(error: unknown, { kind }: CatalogQuestion): unknown {
  if (!(error instanceof Error) || codeOf(error) === null) return error;
  return new StorageError(`${failures[kind]}: ${error.message}`, { cause: error });
}

const failures: Readonly<Record<CatalogQuestion["kind"], string>> = {
  victims: "what can be evicted was not found",
  pulls: "the log of pulls was not read",
  purge: "what can be purged was not found",
  pinned: "what is pinned was not found",
  images: "the images were not listed",
  near: "no similar names were found",
  sharers: "who shares content was not found",
  recent: "what was pulled of late was not found",
  traffic: "the traffic was not read",
  savings: "what was saved was not read",
  moves: "the moves of tags were not found",
  upstreams: "what is stored of each upstream was not counted",
};
