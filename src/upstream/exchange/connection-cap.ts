import { waitFor } from "../../telemetry/waits.ts";
import { Refusals, type RefusalsOptions } from "./refusals.ts";

export interface ConnectionCapLimits {
  /** How many questions and downloads may have a connection at a time. */
  readonly most: number;
  /** How long one that finds none free waits for one, in ms. */
  readonly waitMs: number;
}

/** Called once, when a connection is free again; what comes later is not heard. */
export type Release = () => void;

// What is left then is for questions, and for those who have no connection yet.
const ampleShare = 3 / 4;

type Waiting = (release: Release) => void;

/**
 * Bounds the connections that one upstream takes: to its endpoints and to where they send us. Whoever finds none free waits
 * for one in turn, for a while, and as many as have one may wait: an upstream that accepts everything and answers nothing
 * must not take the descriptors of the others.
 */
export class ConnectionCap {
  readonly #options: Omit<RefusalsOptions, "scarce">;
  readonly #refusals: Refusals;
  readonly #waiting = new Set<Waiting>();
  #limits: ConnectionCapLimits;
  #used = 0;

  constructor(limits: ConnectionCapLimits, options: Omit<RefusalsOptions, "scarce">) {
    this.#limits = limits;
    this.#options = options;
    this.#refusals = new Refusals({ ...options, scarce: "connections" });
  }

  /** What is taken already stays taken. */
  configure(limits: ConnectionCapLimits): void {
    this.#limits = limits;
    while (this.#waiting.size > 0 && !this.isFull) this.#serveNext();
  }

  get most(): number {
    return this.#limits.most;
  }

  /** How many have a connection. */
  get used(): number {
    return this.#used;
  }

  /** How many wait for one. */
  get waiting(): number {
    return this.#waiting.size;
  }

  get isFull(): boolean {
    return this.#used >= this.most;
  }

  /** Whether there are enough for who could do without. */
  get isAmple(): boolean {
    return this.#used < ampleShare * this.most;
  }

  get refuses(): boolean {
    return this.#refusals.areOn;
  }

  /**
   * Resolves when there is one. Rejects with UpstreamError "busy" when none becomes free in time, or too many wait; and as
   * `signal` says when that is aborted.
   */
  async take(signal: AbortSignal | undefined): Promise<Release> {
    if (!this.isFull) return this.#given();
    if (this.#waiting.size >= this.most) {
      throw this.#refusals.refuse(`${this.#taken}, and as many requests wait for one`);
    }
    return await waitFor("connect", () => this.#turn(signal));
  }

  #turn(signal: AbortSignal | undefined): Promise<Release> {
    signal?.throwIfAborted();
    const { waitMs } = this.#limits;
    const { promise, resolve, reject } = Promise.withResolvers<Release>();
    // At once: what becomes free in the same moment is not for who has gone.
    const goneBecause = (reason: unknown): void => {
      this.#waiting.delete(resolve);
      reject(reason);
    };
    const late = (): void =>
      goneBecause(
        this.#refusals.refuse(`${this.#taken}, and none became free within ${waitMs} ms`),
      );
    const aborted = (): void => goneBecause(signal?.reason);
    const timer = setTimeout(late, waitMs);
    signal?.addEventListener("abort", aborted);
    this.#waiting.add(resolve);
    return promise.finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
    });
  }

  #given(): Release {
    this.#used++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#used--;
      this.#serveNext();
    };
  }

  #serveNext(): void {
    const [next] = this.#waiting;
    if (next && !this.isFull) {
      this.#waiting.delete(next);
      next(this.#given());
    }
    // Not at the first that is free: the next one would begin it anew.
    if (this.#used <= this.most / 2) this.#refusals.end();
  }

  get #taken(): string {
    const { upstream } = this.#options;
    return `it has ${this.#used} connections, all that upstreams."${upstream}".maxConnections lets it have`;
  }
}
