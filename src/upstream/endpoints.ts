import type { Metrics } from "../telemetry/metrics.ts";
import type { Ask, Endpoint } from "./endpoint.ts";
import type { Answer } from "./exchange.ts";
import { failureFrom, isBrokenSocket, refusalFrom } from "./failure.ts";
import { type Clocks, RateLimit } from "./rate-limit.ts";
import { UpstreamError, type UpstreamFailure } from "./upstream-error.ts";

export interface EndpointsOptions {
  /** The upstream's name. */
  readonly upstream: string;
  /** In the order to try them. */
  readonly endpoints: readonly Endpoint[];
  readonly metrics: Metrics;
  readonly clocks: Clocks;
}

// Of the 5xx the one that tells of no trouble: what is asked for does not exist there.
const notImplemented = 501;

/** The endpoints of an upstream, asked as one: the next one when one fails. */
export class Endpoints implements AsyncDisposable {
  readonly #options: EndpointsOptions;
  readonly #rateLimit: RateLimit;

  constructor(options: EndpointsOptions) {
    this.#options = options;
    this.#rateLimit = new RateLimit(options.clocks);
  }

  /** The answer, whatever its status below 500, or 501. Rejects with UpstreamError. */
  async ask(ask: Ask): Promise<Answer> {
    const answer = await this.#askInOrder(ask);
    if (answer.status !== 404 || ask.trust === "unverified") return answer;
    // "Not found" is the one answer about a digest that no hash can check, and a kept socket may hold a stray one.
    answer.body.discard();
    return await this.#askInOrder({ ...ask, trust: "unverified" });
  }

  /** What an answer means that is neither content nor "not found". */
  async refusal(answer: Answer): Promise<UpstreamError> {
    const failure = await refusalFrom(answer);
    // The limit of storage that a registry redirects to is not the registry's.
    if (!answer.redirected) this.#rateLimit.note(failure);
    return this.#error(failure);
  }

  /** Lets what runs end, and keeps nothing for later. */
  async retire(): Promise<void> {
    await Promise.all(this.#options.endpoints.map((endpoint) => endpoint.retire()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#options.endpoints.map((endpoint) => endpoint[Symbol.asyncDispose]()));
  }

  async #askInOrder(ask: Ask): Promise<Answer> {
    const limited = this.#rateLimit.current();
    if (limited) throw this.#error(limited);
    let failed: UpstreamError | null = null;
    for (const endpoint of this.#options.endpoints) {
      try {
        const answer = await askFreshIfBroken(endpoint, ask);
        this.#count(ask, String(answer.status));
        if (answer.status < 500 || answer.status === notImplemented) return answer;
        failed = await this.refusal(answer);
      } catch (error) {
        this.#count(ask, "failed");
        failed = this.#failed(error);
      }
    }
    throw failed ?? this.#error({ kind: "unreachable", reason: "it has no endpoint" });
  }

  #failed(error: unknown): UpstreamError {
    const failure = failureFrom(error, "header");
    this.#rateLimit.note(failure);
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

/** A kept socket that broke says nothing about the endpoint: a fresh one does. */
async function askFreshIfBroken(endpoint: Endpoint, ask: Ask): Promise<Answer> {
  try {
    return await endpoint.ask(ask);
  } catch (error) {
    if (ask.trust === "unverified" || !isBrokenSocket(error)) throw error;
    return await endpoint.ask({ ...ask, trust: "unverified" });
  }
}
