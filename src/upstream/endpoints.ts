import type { Metrics } from "../telemetry/metrics.ts";
import type { Source } from "./answers.ts";
import type { Breaker, Permit, Severity, Trouble } from "./breaker.ts";
import type { Ask, Endpoint } from "./endpoint.ts";
import type { EndpointStatus } from "./endpoint-status.ts";
import type { Answer } from "./exchange.ts";
import { failureFrom, isBrokenSocket, refusalFrom } from "./failure.ts";
import { type Clocks, RateLimit } from "./rate-limit.ts";
import { HopFailed } from "./redirects.ts";
import { retryAfterMs } from "./retry-after.ts";
import { RetryBudget } from "./retry-budget.ts";
import { isAnswer, isFinal, severityOf } from "./severity.ts";
import {
  describeFailure,
  offlineReason,
  UpstreamError,
  type UpstreamFailure,
} from "./upstream-error.ts";

/** Takes an answer, body included. */
export type Read<T> = (answer: Answer, source: Source) => Promise<T>;

/** A request to whichever endpoint answers it. */
export interface EndpointsAsk extends Ask {
  /** Had begun to answer and broke off: these are asked last, and another one's refusal is not the last word. */
  readonly avoid?: ReadonlySet<Source>;
}

export interface EndpointEntry {
  readonly endpoint: Endpoint;
  /** Shared by all who ask this base URL: whether it answers does not depend on who they are. */
  readonly breaker: Breaker;
}

export interface EndpointsOptions {
  /** The upstream's name. */
  readonly upstream: string;
  /** In the order to try them. */
  readonly endpoints: readonly EndpointEntry[];
  /** Whether nobody may be asked. */
  readonly offline: boolean;
  readonly metrics: Metrics;
  readonly clocks: Clocks;
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

/** A request that failed. */
interface Failed {
  readonly error: unknown;
  /** What that means. */
  readonly failure: UpstreamFailure;
  /** Of whoever asked. */
  readonly signal?: AbortSignal | undefined;
}

/** An endpoint, and what is known of it. */
interface Line extends EndpointEntry, Source {
  /** What it told whoever asks here: limits are of a user. */
  readonly limit: RateLimit;
}

// As of a header that asks for a day by mistake.
const longestRetryAfterMs = 5 * 60_000;

/**
 * The endpoints of an upstream, asked as one: in their order, those that fail after those that do not, and those that are
 * left alone not at all.
 */
export class Endpoints implements AsyncDisposable {
  readonly retries: RetryBudget;
  readonly #options: EndpointsOptions;
  readonly #lines: readonly Line[];

  constructor(options: EndpointsOptions) {
    this.retries = new RetryBudget(options.clocks.monotonicMs);
    this.#options = options;
    this.#lines = options.endpoints.map((entry) => {
      return { ...entry, limit: new RateLimit(options.clocks), ...this.#sourceOf(entry) };
    });
  }

  get statuses(): readonly EndpointStatus[] {
    return this.#lines.map((line) => this.#statusOf(line));
  }

  /** Whether pulls are few, wherever they could be had. */
  get isScarce(): boolean {
    return this.#lines.every(({ endpoint }) => endpoint.isScarce);
  }

  /** null while there is an endpoint that answers, as far as is known. */
  get down(): Down | null {
    if (this.#options.offline) return offline;
    const states = this.#lines.map(({ breaker }) => breaker.state);
    const open = states.filter((state) => state.kind !== "closed");
    const [first] = open;
    if (!first || open.length < states.length) return null;
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
  async ask<T>({ avoid, ...ask }: EndpointsAsk, read: Read<T>): Promise<T> {
    if (this.#options.offline) throw this.#error({ kind: "offline" });
    this.retries.earn();
    let failed: UpstreamError | null = null;
    for (const line of this.#inOrder(avoid)) {
      const permit = this.#enter(line, ask);
      if (!permit) continue;
      try {
        const said = await this.#askOne(line, ask, read);
        permit.answered();
        return said;
      } catch (error) {
        failed = this.#failed(line, error);
        this.#judge(permit, { error, failure: failed.failure, signal: ask.signal });
        if (ask.signal?.aborted || (!avoid && isFinal(failed.failure))) throw failed;
      }
    }
    throw failed ?? this.#leftAlone();
  }

  /** Lets what runs end, and keeps nothing for later. */
  async retire(): Promise<void> {
    await Promise.all(this.#lines.map(({ endpoint }) => endpoint.retire()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#lines.map(({ endpoint }) => endpoint[Symbol.asyncDispose]()));
  }

  #statusOf({ endpoint, breaker }: Line): EndpointStatus {
    const { upstream, offline: isOffline, clocks } = this.#options;
    const { health, state } = breaker;
    const well = { reason: null, forMs: 0, leftMs: 0 };
    const about = { upstream, endpoint: endpoint.url.host, health, ...well };
    if (isOffline) return { ...about, state: "offline", reason: offlineReason };
    if (state.kind === "closed") return { ...about, state: "asked" };
    const forMs = clocks.monotonicMs() - state.sinceMs;
    const since = { ...about, reason: state.reason, forMs };
    if (state.kind === "half-open") return { ...since, state: "probed" };
    const leftMs = Math.max(0, state.untilMs - clocks.monotonicMs());
    return { ...since, state: "left alone", leftMs };
  }

  /** Those that fail are asked when the others have failed. */
  #inOrder(avoid: ReadonlySet<Source> | undefined): readonly Line[] {
    const rank = (line: Line): number =>
      (avoid?.has(line) ? 2 : 0) + (line.breaker.isAiling ? 1 : 0);
    return [...this.#lines].sort((a, b) => rank(a) - rank(b));
  }

  /** Leave to ask it now, or null. Nobody waits for a probe who can ask another endpoint. */
  #enter(line: Line, ask: Ask): Permit | null {
    if (line.limit.leftMs > 0) return null;
    const permit = line.breaker.enter();
    if (!permit?.isProbe || !this.#lines.some(isAsked)) return permit;
    // It never rejects, and nobody waits for it.
    void this.#probe(line, permit, ask);
    return null;
  }

  /** Asks what a request asked, but as HEAD: that costs the least, and goes the same way. */
  async #probe(line: Line, permit: Permit, { signal: _, ...ask }: Ask): Promise<void> {
    const { range: _range, ...headers } = ask.headers;
    const probe: Ask = { ...ask, method: "HEAD", headers, trust: "unverified" };
    try {
      await this.#askOne(line, probe, async ({ body }) => body.discard());
      permit.answered();
    } catch (error) {
      this.#judge(permit, { error, failure: this.#failed(line, error).failure });
    }
  }

  #judge(permit: Permit, { error, failure, signal }: Failed): void {
    const known = error instanceof HopFailed ? "none" : severityOf(failure);
    const severity = signal?.aborted ? "unknown" : known;
    if (severity === "none") permit.answered();
    else if (severity === "unknown") permit.abandoned();
    else permit.failed(this.#trouble(severity, failure));
  }

  #sourceOf({ breaker }: EndpointEntry): Source {
    const note = (severity: Severity, failure: UpstreamFailure): void =>
      breaker.noteFailure(this.#trouble(severity, failure));
    return {
      noteFailure: (failure) => {
        const severity = severityOf(failure);
        if (severity !== "none" && severity !== "unknown") note(severity, failure);
      },
      noteWrongBytes: () =>
        note("grave", { kind: "nonsense", reason: "what it sent has another digest" }),
    };
  }

  #trouble(severity: Severity, failure: UpstreamFailure): Trouble {
    const asked = failure.kind === "status" ? failure.retryAfter : null;
    const askedMs = retryAfterMs(asked, this.#options.clocks.now(), longestRetryAfterMs);
    return { severity, reason: describeFailure(failure), retryAfterMs: askedMs };
  }

  async #askOne<T>(line: Line, ask: Ask, read: Read<T>): Promise<T> {
    const answer = await this.#answer(line, ask);
    if (answer.status !== 404 || ask.trust === "unverified") return await read(answer, line);
    // "Not found" is the one answer about a digest that no hash can check, and a kept socket may hold a stray one.
    answer.body.discard();
    return await read(await this.#answer(line, { ...ask, trust: "unverified" }), line);
  }

  async #answer({ endpoint, limit }: Line, ask: Ask): Promise<Answer> {
    const answer = await askFreshIfBroken(endpoint, ask).catch((error: unknown) => {
      this.#count(ask, "failed");
      throw error;
    });
    const { status, redirected } = answer;
    this.#count(ask, String(status));
    if (isAnswer(status)) return answer;
    const failure = await refusalFrom(answer);
    const error = this.#error(failure);
    // Neither the limit nor the trouble of storage that a registry redirects to is the registry's.
    if (redirected) throw new HopFailed(error);
    limit.note(failure);
    throw error;
  }

  /** Why nobody was asked: as the endpoint has it that is asked again first. */
  #leftAlone(): UpstreamError {
    const limits = this.#lines.map(({ limit }) => limit).filter(({ leftMs }) => leftMs > 0);
    const [limit] = limits.sort((a, b) => a.leftMs - b.leftMs);
    const { down } = this;
    if (limit && !(down && down.leftMs < limit.leftMs)) return this.#error(limit.current());
    if (!down) return this.#error({ kind: "unreachable", reason: "it has no endpoint" });
    return this.#error(down.failure);
  }

  #failed({ limit }: Line, error: unknown): UpstreamError {
    if (error instanceof UpstreamError) return error;
    if (error instanceof HopFailed && error.cause instanceof UpstreamError) return error.cause;
    const failure = failureFrom(error, "header");
    limit.note(failure);
    return this.#error(failure, error);
  }

  #count({ kind }: Ask, status: string): void {
    const { metrics, upstream } = this.#options;
    metrics.upstreamRequests.inc({ upstream, kind, status });
  }

  #error(failure: UpstreamFailure, cause?: unknown): UpstreamError {
    return new UpstreamError(this.#options.upstream, failure, { cause });
  }
}

function isAsked({ breaker, limit }: Line): boolean {
  return breaker.state.kind === "closed" && limit.leftMs === 0;
}

/** A kept socket that broke says nothing about the endpoint: a fresh one does. */
async function askFreshIfBroken(endpoint: Endpoint, ask: Ask): Promise<Answer> {
  try {
    return await endpoint.ask(ask);
  } catch (error) {
    if (ask.trust === "unverified" || !isBrokenSocket(error)) throw error;
    return await endpoint.ask({ ...ask, trust: "unverified" });
  }
}
