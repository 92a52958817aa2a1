/** Work that is running under a key. */
export interface Flight<T> {
  readonly result: Promise<T>;
  /** Whether this caller began it, or another. */
  readonly joined: boolean;
  /** How many have asked for it, this caller included. */
  readonly waiters: number;
}

/** Runs one piece of work a key at a time; whoever asks meanwhile gets its result, or its error. */
export class SingleFlight<T> {
  readonly #running = new Map<string, { readonly result: Promise<T>; waiters: number }>();

  run(key: string, work: () => Promise<T>): Flight<T> {
    const running = this.#running.get(key);
    if (running) return { result: running.result, joined: true, waiters: ++running.waiters };
    const result = work().finally(() => this.#running.delete(key));
    this.#running.set(key, { result, waiters: 1 });
    return { result, joined: false, waiters: 1 };
  }
}
