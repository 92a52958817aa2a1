import { setTimeout as delay } from "node:timers/promises";
import { waitFor } from "../../telemetry/waits.ts";
import type { ForwardedLogin } from "../accounts/forwarded-login.ts";
import type { Answerer } from "../answers.ts";
import type { ConnectionCap, Release } from "../exchange/connection-cap.ts";
import type { Answer } from "../exchange/exchange.ts";
import { offlineReason, UpstreamError, type UpstreamFailure } from "../upstream-error.ts";
import {
  AskedEndpoint,
  type AskedEndpointOptions,
  type EndpointEntry,
  type Read,
} from "./asked-endpoint.ts";
import type { Permit } from "./breaker.ts";
import type { Ask } from "./endpoint.ts";
import type { EndpointStatus } from "./endpoint-status.ts";
import { RetryBudget } from "./retry-budget.ts";
import { isFinal } from "./severity.ts";

interface Choice {
  /** Had begun to answer and broke off: these are asked last, and another one's refusal is not the last word. */
  readonly avoid?: ReadonlySet<Answerer> | undefined;
  /** No other one is asked. */
  readonly only?: Answerer | undefined;
}

/** A request to whichever endpoint answers it. */
export interface EndpointsAsk extends Ask, Choice {}

export interface EndpointsOptions extends AskedEndpointOptions {
  /** In the order to try them. */
  readonly endpoints: readonly EndpointEntry[];
  /** Of the upstream: all that is asked of its endpoints counts, but for what finds out whether one is well. */
  readonly cap: ConnectionCap;
  /** How long others wait for what a probe finds out. */
  readonly probePatienceMs: number;
  /** Whether nobody may be asked. */
  readonly offline: boolean;
}

/** That no endpoint is asked, because none of them answered. */
export interface Down {
  /** What whoever asks is told. */
  readonly failure: UpstreamFailure;
  /** What the first of them did, as the end of a sentence. */
  readonly reason: string;
  /** How long it has been so, in ms; Infinity if it is meant to be. */
  readonly forMs: number;
  /** How long until one of them is asked again, in ms; Infinity if none ever is. */
  readonly leftMs: number;
}

const offline: Down = {
  failure: { kind: "offline" },
  reason: offlineReason,
  forMs: Infinity,
  leftMs: Infinity,
};

/**
 * The endpoints of an upstream, asked as one: in their order, those that fail after those that do not, and those that are
 * left alone not at all.
 */
export class Endpoints implements AsyncDisposable {
  readonly retries: RetryBudget;
  readonly #options: EndpointsOptions;
  readonly #endpoints: readonly AskedEndpoint[];

  constructor(options: EndpointsOptions) {
    this.retries = new RetryBudget(options.clocks.monotonicMs);
    this.#options = options;
    this.#endpoints = options.endpoints.map((entry) => new AskedEndpoint(entry, options));
  }

  get statuses(): readonly EndpointStatus[] {
    const statuses = this.#endpoints.map(({ status }) => status);
    if (!this.#options.offline) return statuses;
    return statuses.map((one) => ({ ...one, state: "offline", reason: offlineReason }));
  }

  /** Whether pulls are few, wherever they could be had. */
  get isScarce(): boolean {
    return this.#endpoints.every(({ endpoint }) => endpoint.isScarce);
  }

  /** Whether there may be more answers at once than must be. */
  get haveAmpleConnections(): boolean {
    return this.#options.cap.isAmple;
  }

  /** null while there is an endpoint that answers, as far as is known. */
  get down(): Down | null {
    if (this.#options.offline) return offline;
    // Every pull asks, and nearly always the first one answers.
    if (this.#endpoints.some(({ breaker }) => breaker.state.kind === "closed")) return null;
    const states = this.#endpoints.map(({ breaker }) => breaker.state);
    const open = states.filter((state) => state.kind !== "closed");
    const [first] = open;
    if (!first) return null;
    const nowMs = this.#options.clocks.monotonicMs();
    // Who probes now will soon know.
    const untilMs = open.map((state) => (state.kind === "open" ? state.untilMs : nowMs));
    const leftMs = Math.max(0, Math.min(...untilMs) - nowMs);
    // It is down since the last of them was left alone.
    const forMs = nowMs - Math.max(...open.map(({ sinceMs }) => sinceMs));
    const { reason } = first;
    const retryAfter = String(Math.max(1, Math.ceil(leftMs / 1000)));
    return { failure: { kind: "down", reason, retryAfter }, reason, forMs, leftMs };
  }

  /**
   * What `read` makes of the answer of the first endpoint that gives one: any status below 500, or 501. Where `read`
   * rejects because the answer is none, the next endpoint is asked too. Rejects with UpstreamError, at once if every
   * endpoint is left alone.
   */
  async ask<T>(ask: EndpointsAsk, read: Read<T>): Promise<T> {
    if (this.#options.offline) throw this.#error({ kind: "offline" });
    this.retries.earn();
    await this.#probeEnded();
    const release = await this.#takeConnection(ask.signal);
    let taken: Answer | null = null;
    try {
      return await this.#askInOrder(ask, async (answer, answerer) => {
        const said = await read(answer, answerer);
        taken = answer;
        return said;
      });
    } finally {
      releaseAfter(taken, release);
    }
  }

  /** Whether an endpoint takes the caller's credentials: the first one that may be asked, for all know the same users. */
  async accepts(login: ForwardedLogin): Promise<boolean> {
    if (this.#options.offline) throw this.#error({ kind: "offline" });
    await this.#probeEnded();
    const release = await this.#takeConnection(undefined);
    try {
      for (const endpoint of this.#inOrder({})) {
        const permit = endpoint.enter();
        if (permit) return await endpoint.accepts(permit, login);
      }
      throw this.#leftAlone();
    } finally {
      release();
    }
  }

  /** Lets what runs end, and keeps nothing for later. */
  async retire(): Promise<void> {
    await Promise.all(this.#endpoints.map((endpoint) => endpoint.retire()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#endpoints.map((endpoint) => endpoint[Symbol.asyncDispose]()));
  }

  /**
   * Whoever comes when the pause is over, and is not the first, waits a moment for what that one finds out. While the
   * pause lasts nobody waits.
   */
  async #probeEnded(): Promise<void> {
    const { down } = this;
    const probes = this.#endpoints.flatMap(({ breaker }) => breaker.probed ?? []);
    if (!down || probes.length === 0 || this.#endpoints.some(({ isDue }) => isDue)) return;
    const over = new AbortController();
    const patience = delay(this.#options.probePatienceMs, undefined, { signal: over.signal });
    await waitFor("shared", () => Promise.race([...probes, patience]));
    over.abort();
  }

  /** Nobody waits for a connection to what is known to be down. */
  async #takeConnection(signal: AbortSignal | undefined): Promise<Release> {
    const { cap } = this.#options;
    if (cap.isFull && (this.down?.leftMs ?? 0) > 0) throw this.#leftAlone();
    return await cap.take(signal);
  }

  async #askInOrder<T>({ avoid, only, ...ask }: EndpointsAsk, read: Read<T>): Promise<T> {
    let failed: UpstreamError | null = null;
    for (const endpoint of this.#inOrder({ avoid, only })) {
      const permit = this.#enter(endpoint, ask);
      if (!permit) continue;
      try {
        return await endpoint.ask(permit, ask, read);
      } catch (error) {
        if (ask.signal?.aborted || !mayAskNext(error, avoid)) throw error;
        failed = error;
      }
    }
    throw failed ?? this.#leftAlone();
  }

  /** Those that fail are asked when the others have failed. */
  #inOrder({ avoid, only }: Choice): readonly AskedEndpoint[] {
    const rank = (endpoint: AskedEndpoint): number =>
      (avoid?.has(endpoint) ? 2 : 0) + (endpoint.breaker.isAiling ? 1 : 0);
    return this.#endpoints
      .filter((endpoint) => only === undefined || only === endpoint)
      .sort((a, b) => rank(a) - rank(b));
  }

  /** Leave to ask it now, or null. Nobody waits for a probe who can ask another endpoint. */
  #enter(endpoint: AskedEndpoint, ask: Ask): Permit | null {
    const permit = endpoint.enter();
    if (!permit?.isProbe || !this.#endpoints.some(({ isAsked }) => isAsked)) return permit;
    // It never rejects, and nobody waits for it.
    void endpoint.probe(permit, ask);
    return null;
  }

  /** Why nobody was asked: as the endpoint has it that is asked again first. */
  #leftAlone(): UpstreamError {
    const limits = this.#endpoints.flatMap(({ limit }) => limit ?? []);
    const [limit] = limits.sort((a, b) => a.leftMs - b.leftMs);
    const { down } = this;
    if (limit && !(down && down.leftMs < limit.leftMs)) return this.#error(limit.failure);
    if (!down) return this.#error({ kind: "unreachable", reason: "it has no endpoint" });
    return this.#error(down.failure);
  }

  #error(failure: UpstreamFailure): UpstreamError {
    return new UpstreamError(this.#options.upstream, failure);
  }
}

/** What was taken may still be on its way, a blob above all; what failed has been let go of. */
function releaseAfter(taken: Answer | null, release: Release): void {
  if (taken) taken.body.whenOver(release);
  else release();
}

/** What one endpoint refuses is no last word about what another one has begun to send. */
function mayAskNext(
  error: unknown,
  avoid: ReadonlySet<Answerer> | undefined,
): error is UpstreamError {
  return error instanceof UpstreamError && (avoid !== undefined || !isFinal(error.failure));
}
