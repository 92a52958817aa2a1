import { Refusals, type RefusalsOptions } from "./endpoints/refusals.ts";

export interface CrowdsOptions extends Omit<RefusalsOptions, "scarce" | "upstream"> {
  /** How many connections clients may have. */
  readonly clients: number;
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
  readonly #refusals: Refusals;
  #waiting = 0;
  #refusedAt = 0;

  constructor(all: Crowds, options: Omit<RefusalsOptions, "scarce">) {
    this.#all = all;
    this.#refusals = new Refusals({ ...options, scarce: "clients" });
  }

  get waiting(): number {
    return this.#waiting;
  }

  get refuses(): boolean {
    return this.#refusals.areOn;
  }

  /** Waits until disposed. Throws UpstreamError "busy" where as many wait as may. */
  enter(): Disposable {
    const { clients, waiting } = this.#all;
    if (this.#waiting < clients - waiting) return this.stay();
    this.#refusedAt = this.#waiting;
    throw this.#refusals.refuse(
      `${this.#waiting} requests wait for it, and of the ${clients} connections that clients may have the others are left to what can be answered`,
    );
  }

  /** The same for who has been answered in part, and waits for the rest: nobody is sent away then. */
  stay(): Disposable {
    this.#change(1);
    return { [Symbol.dispose]: () => this.#change(-1) };
  }

  #change(by: 1 | -1): void {
    this.#waiting += by;
    if (this.#waiting <= this.#refusedAt / 2) this.#refusals.end();
  }
}
