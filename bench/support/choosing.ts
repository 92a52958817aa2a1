import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { ChoosingThreadData } from "./choosing-thread.ts";

/** Victims are chosen again and again, ordered by a thread of their own. */
export class Choosing implements AsyncDisposable {
  readonly #thread: Worker;

  constructor(workerData: ChoosingThreadData) {
    const url = new URL("./choosing-thread.ts", import.meta.url);
    const { controlSocket, toBytes } = workerData;
    this.#thread = new Worker(url, { workerData: { controlSocket, toBytes } });
  }

  /** Resolves to how long each choice took, in ms, hits beside it. */
  async end(): Promise<readonly number[]> {
    const told = once(this.#thread, "message");
    this.#thread.postMessage("end");
    const [tookMs] = (await told) as [readonly number[]];
    return tookMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread.terminate();
  }
}
