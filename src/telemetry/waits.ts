import { AsyncLocalStorage } from "node:async_hooks";

/** What a request can wait for, and what the log says of it. */
export const waitKinds = {
  login: "its login was checked",
  shared: "what another request had begun: a fill, a question to the registry, a token",
  token: "a token server",
  connect: "a connection to a registry or a token server: a free one, or a new one",
  answer: "the header of their answer",
  room: "room on the disk, while images were evicted",
  body: "the registry to send more",
  client: "the client to take more",
} as const;

export type WaitKind = keyof typeof waitKinds;

/** How long one request has waited for what. Waits may overlap, so they can add up to more than it took. */
export class Waits {
  readonly #endedMs = new Map<WaitKind, number>();
  readonly #running = new Set<{ readonly kind: WaitKind; readonly sinceMs: number }>();

  /** Waiting begins; what this returns ends it, and does nothing after that. */
  begin(kind: WaitKind): () => void {
    const wait = { kind, sinceMs: performance.now() };
    this.#running.add(wait);
    return () => {
      if (this.#running.delete(wait)) this.#add(kind, performance.now() - wait.sinceMs);
    };
  }

  /** Until now, in whole ms; what took none is left out. */
  get told(): Readonly<Partial<Record<WaitKind, number>>> {
    const sums = new Map(this.#endedMs);
    for (const { kind, sinceMs } of this.#running) {
      sums.set(kind, (sums.get(kind) ?? 0) + performance.now() - sinceMs);
    }
    const whole = [...sums].map(([kind, durationMs]) => [kind, Math.round(durationMs)] as const);
    return Object.fromEntries(whole.filter(([, durationMs]) => durationMs > 0));
  }

  #add(kind: WaitKind, durationMs: number): void {
    this.#endedMs.set(kind, (this.#endedMs.get(kind) ?? 0) + durationMs);
  }
}

// It holds nothing itself: each request has its own, through all that is awaited for it, and two daemons in one process
// never meet here. What it saves is to hand the waits through every call down to the socket.
const present = new AsyncLocalStorage<Waits>();

/** Does the work of one request: whatever waits in it is noted in `waits`. */
export function followWaits<T>(waits: Waits, work: () => Promise<T>): Promise<T> {
  return present.run(waits, work);
}

/** Does work that was begun for a request and that it does not wait for. */
export function withoutWaits<T>(work: () => Promise<T>): Promise<T> {
  return present.exit(work);
}

/** The waits of the request that this is done for; undefined where it is done for none. */
export function presentWaits(): Waits | undefined {
  return present.getStore();
}

/** Waits for `work`, and notes it for the request that this is done for. */
export async function waitFor<T>(kind: WaitKind, work: () => Promise<T>): Promise<T> {
  const end = present.getStore()?.begin(kind);
  try {
    return await work();
  } finally {
    end?.();
  }
}
