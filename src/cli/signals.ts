/**
 * What the daemon is told by signals, from the moment this is made: one that comes while it starts counts too, and
 * as the first process of a container nothing else would end it.
 */
export class Signals {
  /** Resolves at the first SIGTERM or SIGINT. */
  readonly stop: Promise<NodeJS.Signals>;
  readonly #cut = new AbortController();
  #hangups = 0;
  #onHangup: (() => void) | null = null;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
    this.stop = promise;
    let stops = 0;
    const onStop = (signal: NodeJS.Signals): void => {
      stops++;
      if (stops > 1) this.#cut.abort();
      resolve(signal);
    };
    process.on("SIGTERM", onStop).on("SIGINT", onStop);
    process.on("SIGHUP", () => {
      this.#hangups++;
      this.#onHangup?.();
    });
    // Other daemons open their logs anew. Node would open a debugger to everyone on the machine, or end.
    process.on("SIGUSR1", () => {}).on("SIGUSR2", () => {});
  }

  /** Aborted by the second SIGTERM or SIGINT. */
  get cut(): AbortSignal {
    return this.#cut.signal;
  }

  /** Calls `act` at each SIGHUP, and now if one has come already. */
  onHangup(act: () => void): void {
    this.#onHangup = act;
    if (this.#hangups > 0) act();
  }
}
