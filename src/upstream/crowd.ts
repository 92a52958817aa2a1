import { Refusals, type RefusalsOptions } from "./exchange/refusals.ts";

export interface CrowdsOptions extends Omit<RefusalsOptions, "scarce" | "upstream"> {
  /** How many connections clients may have. */
  readonly clients: number;
}

// A lost packet is sent again within three seconds, and what is paused for longer hardly ever goes on soon. It is a sixth of
// what an upstream may take between two pieces of a body, and clients who are cut ask for the rest.
const mayBeEndedAfterMs = 5_000;

interface Staying {
  readonly sinceMs: number;
  readonly sendAway: (error: Error) => void;
}

/** The requests of clients that wait for upstreams, each of which may hold up its share of them. */
export class Crowds {
  readonly clients: number;
  readonly #options: CrowdsOptions;
  readonly #byUpstream = new Map<string, Crowd>();

  constructor(options: CrowdsOptions) {
    this.clients = options.clients;
    this.#options = options;
  }

  /** The same one for all that is built of one upstream, at whatever time. */
  of(upstream: string): Crowd {
    const crowd = this.#byUpstream.get(upstream) ?? new Crowd(this, { ...this.#options, upstream });
    this.#byUpstream.set(upstream, crowd);
    return crowd;
  }

  /**
   * Sends away a client who has been answered in part and to whom nothing more has come for the longest time: one of those
   * upstreams for which more wait than may, as all can who began before it stalled. False where there is none.
   */
  makeRoom(): boolean {
    const largestFirst = [...this.#byUpstream.values()].sort((a, b) => b.waiting - a.waiting);
    return largestFirst.some((crowd) => crowd.makeRoom());
  }

  /** How many wait, whatever for. */
  get waiting(): number {
    let sum = 0;
    for (const { waiting } of this.#byUpstream.values()) sum += waiting;
    return sum;
  }
}

/**
 * The requests of clients that wait for one upstream. Each holds a connection of a client; so no more may wait for one
 * upstream than there are connections that wait for none. One that stalls so leaves half of them to the others and to what is
 * stored, two leave a third, and there is always as much left as the largest of them has.
 */
export class Crowd {
  readonly #all: Crowds;
  readonly #monotonicMs: () => number;
  readonly #refusals: Refusals;
  readonly #endings: Refusals;
  /** Those who have been answered in part, the longest first. */
  readonly #staying = new Set<Staying>();
  #waiting = 0;
  #refusedAt = 0;

  constructor(all: Crowds, options: Omit<RefusalsOptions, "scarce">) {
    this.#all = all;
    this.#monotonicMs = options.monotonicMs;
    this.#refusals = new Refusals({ ...options, scarce: "clients" });
    this.#endings = new Refusals({ ...options, scarce: "stalled" });
  }

  get waiting(): number {
    return this.#waiting;
  }

  get refuses(): boolean {
    return this.#refusals.areOn || this.#endings.areOn;
  }

  /** Waits until disposed. Throws UpstreamError "busy" where as many wait as may. */
  enter(): Disposable {
    const { clients, waiting } = this.#all;
    if (this.#waiting >= clients - waiting) {
      this.#refusedAt = this.#waiting;
      throw this.#refusals.refuse(
        `${this.#waiting} requests wait for it, and of the ${clients} connections that clients may have the others are left to what can be answered`,
      );
    }
    this.#change(1);
    return { [Symbol.dispose]: () => this.#change(-1) };
  }

  /**
   * The same for who has been answered in part, and waits for what is `coming`: nobody is refused then. Rejects with
   * UpstreamError "busy" when their connection is needed.
   */
  async stay<T>(coming: () => Promise<T>): Promise<T> {
    const { promise: sentAway, reject: sendAway } = Promise.withResolvers<never>();
    const staying = { sinceMs: this.#monotonicMs(), sendAway };
    this.#staying.add(staying);
    this.#change(1);
    try {
      return await Promise.race([coming(), sentAway]);
    } finally {
      this.#leave(staying);
    }
  }

  /** As that of all crowds, for this one. */
  makeRoom(): boolean {
    const { clients, waiting } = this.#all;
    const [longest] = this.#staying;
    // As many as may wait are one more than those who find that another one may.
    if (!longest || this.#waiting <= clients - waiting + 1) return false;
    const waitedMs = this.#monotonicMs() - longest.sinceMs;
    if (waitedMs < mayBeEndedAfterMs) return false;
    this.#refusedAt = this.#waiting;
    longest.sendAway(
      this.#endings.refuse(
        `nothing more has come for ${Math.round(waitedMs / 1000)} s, ${this.#waiting} requests wait for it, and of the ${clients} connections that clients may have one was needed`,
      ),
    );
    this.#leave(longest);
    return true;
  }

  /** Does nothing for who has left already. */
  #leave(staying: Staying): void {
    if (this.#staying.delete(staying)) this.#change(-1);
  }

  #change(by: 1 | -1): void {
    this.#waiting += by;
    if (this.#waiting > this.#refusedAt / 2) return;
    this.#refusals.end();
    this.#endings.end();
  }
}
