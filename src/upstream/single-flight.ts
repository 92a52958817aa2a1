/** Work that is running under a key, and whether this caller began it. */
export interface Flight<T> {
  readonly result: Promise<T>;
  readonly joined: boolean;
}

/** Runs one piece of work a key at a time; whoever asks meanwhile gets its result, or its error. */
export class SingleFlight<T> {
  readonly #running = new Map<string, Promise<T>>();

  run(key: string, work: () => Promise<T>): Flight<T> {
    const running = this.#running.get(key);
    if (running !== undefined) return { result: running, joined: true };
    const result = work().finally(() => this.#running.delete(key));
    this.#running.set(key, result);
    return { result, joined: false };
  }
}
