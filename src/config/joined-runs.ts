/** Runs of the same work, one at a time. One more waits at most, and whoever asks while it does joins it. */
export class JoinedRuns {
  readonly #once: () => Promise<void>;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;

  /** `once` must not reject. */
  constructor(once: () => Promise<void>) {
    this.#once = once;
  }

  /** Whether one is to begin. */
  get isAwaited(): boolean {
    return this.#next !== null;
  }

  /** Resolves when one has ended that began after this was called: one that runs may have read what was there before. */
  run(): Promise<void> {
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      this.#running = this.#once();
      return this.#running;
    });
    return this.#next;
  }
}
