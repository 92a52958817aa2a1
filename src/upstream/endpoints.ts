import type { Metrics } from "../telemetry/metrics.ts";
import type { Ask, Endpoint } from "./endpoint.ts";
import type { Answer } from "./exchange.ts";
import { failureFrom, isBrokenSocket, refusalFrom } from "./failure.ts";
import { type Clocks, RateLimit } from "./rate-limit.ts";
import { UpstreamError, type UpstreamFailure } from "./upstream-error.ts";

/** Takes an answer, body included. */
export type Read<T> = (answer: Answer) => Promise<T>;

export interface EndpointsOptions {
  /** The upstream's name. */
  readonly upstream: string;
  /** In the order to try them. */
  readonly endpoints: readonly Endpoint[];
  readonly metrics: Metrics;
  readonly clocks: Clocks;
}

/** An endpoint, and what it asked for itself. */
interface Line {
  readonly endpoint: Endpoint;
  readonly limit: RateLimit;
}

// Of the 5xx the one that tells of no trouble: what is asked for does not exist there.
const notImplemented = 501;

/** The endpoints of an upstream, asked as one: the next one when one is in trouble. */
export class Endpoints implements AsyncDisposable {
  readonly #options: EndpointsOptions;
  readonly #lines: readonly Line[];

  constructor(options: EndpointsOptions) {
    this.#options = options;
    this.#lines = options.endpoints.map((endpoint) => {
      return { endpoint, limit: new RateLimit(options.clocks) };
    });
  }

  /**
   * What `read` makes of the answer of the first endpoint that gives one: any status below 500, or 501. Where `read`
   * rejects because the answer is none, the next endpoint is asked too. Rejects with UpstreamError.
   */
  async ask<T>(ask: Ask, read: Read<T>): Promise<T> {
    let failed: UpstreamError | null = null;
    for (const line of this.#lines) {
      if (line.limit.leftMs > 0) continue;
      try {
        return await this.#askOne(line, ask, read);
      } catch (error) {
        failed = this.#failed(line, error);
        if (isFinal(failed.failure)) break;
      }
    }
    throw failed ?? this.#leftAlone();
  }

  /** Lets what runs end, and keeps nothing for later. */
  async retire(): Promise<void> {
    await Promise.all(this.#options.endpoints.map((endpoint) => endpoint.retire()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#options.endpoints.map((endpoint) => endpoint[Symbol.asyncDispose]()));
  }

  async #askOne<T>(line: Line, ask: Ask, read: Read<T>): Promise<T> {
    const answer = await this.#answer(line, ask);
    if (answer.status !== 404 || ask.trust === "unverified") return await read(answer);
    // "Not found" is the one answer about a digest that no hash can check, and a kept socket may hold a stray one.
    answer.body.discard();
    return await read(await this.#answer(line, { ...ask, trust: "unverified" }));
  }

  async #answer({ endpoint, limit }: Line, ask: Ask): Promise<Answer> {
    const answer = await askFreshIfBroken(endpoint, ask).catch((error: unknown) => {
      this.#count(ask, "failed");
      throw error;
    });
    const { status, redirected } = answer;
    this.#count(ask, String(status));
    if (status !== 429 && (status < 500 || status === notImplemented)) return answer;
    const failure = await refusalFrom(answer);
    // The limit of storage that a registry redirects to is not the registry's.
    if (!redirected) limit.note(failure);
    throw this.#error(failure);
  }

  /** What the endpoint said that may be asked again first. */
  #leftAlone(): UpstreamError {
    const limits = this.#lines.map(({ limit }) => limit).sort((a, b) => a.leftMs - b.leftMs);
    const limited = limits[0]?.current();
    return this.#error(limited ?? { kind: "unreachable", reason: "it has no endpoint" });
  }

  #failed({ limit }: Line, error: unknown): UpstreamError {
    if (error instanceof UpstreamError) return error;
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

/** Whether another endpoint would have no other answer: this one has understood, and means it. */
function isFinal(failure: UpstreamFailure): boolean {
  if (failure.kind === "refused") return true;
  return failure.kind === "status" && failure.status < 500 && failure.status !== 429;
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
