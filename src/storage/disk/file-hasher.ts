import { Worker } from "node:worker_threads";
import type { DigestAlgorithm } from "../../oci/digest.ts";
import { StorageError } from "../storage-error.ts";
import type { HashAnswer, HashedPart, HashWork } from "./hash-thread.ts";

/** A file on its way through the thread. Disposing lets go of its hash. */
export interface FileHashing extends Disposable {
  /**
   * Goes on up to `endBytes`; resolves to the digest in hex if that is wanted, and then there is no more. Rejects with
   * StorageError if the file cannot be read or the thread has ended.
   */
  read(part: Pick<HashedPart, "fd" | "endBytes" | "wanted">): Promise<string | null>;
}

type Job = PromiseWithResolvers<string | null>;

/**
 * Hashes files on a thread of its own, one for all of them: it is 0.55 s of CPU time a GB, a third of what a fill takes of the
 * thread that answers clients. It starts with the first file.
 */
export class FileHasher implements AsyncDisposable {
  // In the order in which the thread answers.
  readonly #jobs: Job[] = [];
  #thread: Worker | null = null;
  #isClosed = false;
  #lastId = 0;

  begin(algorithm: DigestAlgorithm): FileHashing {
    const id = ++this.#lastId;
    const thread = this.#started();
    return {
      read: (part) => this.#ask(thread, { ...part, id, algorithm }),
      [Symbol.dispose]: () => thread?.postMessage({ id, wanted: "nothing" } satisfies HashWork),
    };
  }

  /** Ends the thread; who waits for it is told. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#thread?.terminate();
  }

  #started(): Worker | null {
    if (!this.#isClosed) this.#thread ??= this.#start();
    return this.#thread;
  }

  #start(): Worker {
    const thread = new Worker(new URL("./hash-thread.ts", import.meta.url));
    // It keeps the process only while somebody waits for it.
    thread.unref();
    thread.on("message", (answer: HashAnswer) => this.#settle(answer));
    let cause: unknown;
    thread.once("error", (error) => {
      cause = error;
    });
    thread.once("exit", () => this.#ended(cause));
    return thread;
  }

  #ask(thread: Worker | null, work: HashedPart): Promise<string | null> {
    // What a thread has hashed is lost with it.
    if (!thread || thread !== this.#thread) return Promise.reject(ended());
    const job: Job = Promise.withResolvers();
    this.#jobs.push(job);
    thread.ref();
    thread.postMessage(work);
    return job.promise;
  }

  #settle(answer: HashAnswer): void {
    const job = this.#jobs.shift();
    if (this.#jobs.length === 0) this.#thread?.unref();
    if ("failure" in answer) job?.reject(new StorageError(`not hashed: ${answer.failure}`));
    else job?.resolve(answer.hex);
  }

  #ended(cause: unknown): void {
    this.#thread = null;
    for (const job of this.#jobs.splice(0)) job.reject(ended(cause));
  }
}

function ended(cause?: unknown): StorageError {
  return new StorageError("the thread that hashes has ended", { cause });
}
