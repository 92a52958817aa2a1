import { setTimeout as delay } from "node:timers/promises";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { ForwardedLogin } from "../accounts/forwarded-login.ts";
import { type Clocks, limitedFor } from "../accounts/rate-limit.ts";
import { retryAfterMs } from "../accounts/retry-after.ts";
import type { Answerer } from "../answers.ts";
import type { Answer } from "../exchange/exchange.ts";
import { HopFailed } from "../exchange/redirects.ts";
import { failureFrom, isBrokenSocket, refusalFrom } from "../failure.ts";
import { describeFailure, UpstreamError, type UpstreamFailure } from "../upstream-error.ts";
import type { Breaker, Permit, Severity, Trouble } from "./breaker.ts";
import type { Ask, Endpoint } from "./endpoint.ts";
import type { EndpointStatus } from "./endpoint-status.ts";
import { isAnswer, severityOf } from "./severity.ts";

/** Takes an answer, body included. */
export type Read<T> = (answer: Answer, answerer: Answerer) => Promise<T>;

export interface EndpointEntry {
  readonly endpoint: Endpoint;
  /** Shared by all who ask this base URL: whether it answers does not depend on who they are. */
  readonly breaker: Breaker;
}

export interface AskedEndpointOptions {
  /** The upstream's name. */
  readonly upstream: string;
  readonly metrics: Metrics;
  readonly clocks: Clocks;
}

type Verdict = ReturnType<typeof severityOf>;

// For so long whoever is to be told of a failure waits until it is found out what it says of the endpoint.
const patienceMs = 1_000;

// As of a header that asks for a day by mistake.
const longestRetryAfterMs = 5 * 60_000;

/** One endpoint of an upstream, asked only with its breaker's leave, which hears what came of it. */
export class AskedEndpoint implements Answerer, AsyncDisposable {
  readonly breaker: Breaker;
  readonly endpoint: Endpoint;
  readonly #options: AskedEndpointOptions;
  // A question that it had an answer to, the last one: what it fails with then is more than single questions.
  #answerable: Ask | null = null;
  // Its own, with the last 429: while it is left alone, clients are told them.
  #limitWords = "";

  constructor({ endpoint, breaker }: EndpointEntry, options: AskedEndpointOptions) {
    this.breaker = breaker;
    this.endpoint = endpoint;
    this.#options = options;
  }

  get isAsked(): boolean {
    return this.breaker.state.kind === "closed" && this.endpoint.waitMs === 0;
  }

  /** Whether whoever asks next finds out if it answers again. */
  get isDue(): boolean {
    const { state } = this.breaker;
    return (
      state.kind === "open" &&
      state.untilMs <= this.#options.clocks.monotonicMs() &&
      this.endpoint.waitMs === 0
    );
  }

  /** For so long nobody here may ask it, in ms, and what it said; null while somebody may. */
  get limit(): { readonly leftMs: number; readonly failure: UpstreamFailure } | null {
    const leftMs = this.endpoint.waitMs;
    return leftMs > 0 ? { leftMs, failure: limitedFor(leftMs, this.#limitWords) } : null;
  }

  get status(): EndpointStatus {
    const { health, state } = this.breaker;
    const nowMs = this.#options.clocks.monotonicMs();
    const { upstream } = this.#options;
    const about = { upstream, endpoint: this.endpoint.url.host, health, leftMs: 0 };
    if (state.kind === "closed") return { ...about, state: "asked", reason: null, forMs: 0 };
    const since = { ...about, reason: state.reason, forMs: nowMs - state.sinceMs };
    if (state.kind === "half-open") return { ...since, state: "probed" };
    return { ...since, state: "left alone", leftMs: Math.max(0, state.untilMs - nowMs) };
  }

  /** Leave to ask it now, or null. */
  enter(): Permit | null {
    return this.endpoint.waitMs > 0 ? null : this.breaker.enter();
  }

  /** What `read` makes of its answer: any status below 500, or 501. Rejects with UpstreamError. */
  async ask<T>(permit: Permit, ask: Ask, read: Read<T>): Promise<T> {
    try {
      const said = await this.#askTwiceIfUnknown(ask, read);
      permit.answered();
      return said;
    } catch (error) {
      const failed = this.#failed(error);
      const verdict = ask.signal?.aborted ? "unknown" : verdictOn(error, failed);
      await this.#judge(permit, verdict, failed.failure);
      throw failed;
    }
  }

  /** Asks what a request asked, but as HEAD: that costs the least, and goes the same way. Never rejects. */
  async probe(permit: Permit, ask: Ask): Promise<void> {
    // The breaker has heard of it, and nobody else wants to know.
    await this.ask(permit, asCheapest(ask), async ({ body }) => body.discard()).catch(() => {});
  }

  /** Whether it takes the caller's credentials. Rejects with UpstreamError. */
  async accepts(permit: Permit, login: ForwardedLogin): Promise<boolean> {
    try {
      const taken = await this.#login(login);
      permit.answered();
      return taken;
    } catch (error) {
      const failed = this.#failed(error);
      await this.#judge(permit, verdictOn(error, failed), failed.failure);
      if (failed.failure.kind === "refused") return false;
      throw failed;
    }
  }

  noteFailure(failure: UpstreamFailure): void {
    const severity = severityOf(failure);
    if (severity === "grave" || severity === "slight") this.#note(severity, failure);
  }

  noteWrongBytes(): void {
    this.#note("grave", { kind: "nonsense", reason: "what it sent has another digest" });
  }

  /** Lets what runs end, and keeps nothing for later. */
  async retire(): Promise<void> {
    await this.endpoint.retire();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.endpoint[Symbol.asyncDispose]();
  }

  /** Never rejects. Whoever asks again afterwards finds the breaker as it has become, unless finding out takes long. */
  async #judge(permit: Permit, verdict: Verdict, failure: UpstreamFailure): Promise<void> {
    if (verdict === "none" || verdict === "unknown") {
      tell(permit, verdict);
      return;
    }
    const trouble = this.#trouble(verdict, failure);
    // Whoever probes may ask just what it fails with when it is well.
    if (permit.isProbe && verdict === "slight") {
      await withinPatience(this.#findOut(permit, trouble));
      return;
    }
    permit.failed(trouble);
    await withinPatience(this.#settleDoubt(trouble));
  }

  async #settleDoubt(trouble: Trouble): Promise<void> {
    const permit = this.breaker.doubt();
    if (permit) await this.#findOut(permit, trouble);
  }

  /** Whether it fails with everything, or only with what it was asked of late. Never rejects. */
  async #findOut(permit: Permit, trouble: Trouble): Promise<void> {
    try {
      (await this.#askAnswerable()).body.discard();
      permit.answered();
    } catch (error) {
      const verdict = verdictOn(error, this.#failed(error));
      if (verdict === "none" || verdict === "unknown") tell(permit, verdict);
      else permit.failed(trouble);
    }
  }

  /** Who greets everybody takes every login: there is nothing to tell them apart by. */
  async #login(login: ForwardedLogin): Promise<boolean> {
    const greeting = await this.endpoint.greet();
    const answer =
      greeting.status === 401
        ? await this.endpoint.loginWith(greeting.headers["www-authenticate"], login)
        : greeting;
    if (answer !== greeting) greeting.body.discard();
    if (answer === null) return false;
    if (!isAnswer(answer.status)) throw this.#error(await refusalFrom(answer));
    answer.body.discard();
    return answer.status === 200;
  }

  async #askAnswerable(): Promise<Answer> {
    if (this.#answerable) return await this.#answer(this.#answerable);
    const answer = await this.endpoint.greet();
    if (isAnswer(answer.status)) return answer;
    throw this.#error(await refusalFrom(answer));
  }

  #note(severity: Severity, failure: UpstreamFailure): void {
    const trouble = this.#trouble(severity, failure);
    this.breaker.noteFailure(trouble);
    // It never rejects, and nobody waits for it.
    void this.#settleDoubt(trouble);
  }

  #trouble(severity: Severity, failure: UpstreamFailure): Trouble {
    const asked = failure.kind === "status" ? failure.retryAfter : null;
    const askedMs = retryAfterMs(asked, this.#options.clocks.now(), longestRetryAfterMs);
    return { severity, reason: describeFailure(failure), retryAfterMs: askedMs };
  }

  async #askTwiceIfUnknown<T>(ask: Ask, read: Read<T>): Promise<T> {
    const answer = await this.#answer(ask);
    if (answer.status !== 404 || ask.trust === "unverified") return await read(answer, this);
    // "Not found" is the one answer about a digest that no hash can check, and a kept socket may hold a stray one.
    answer.body.discard();
    return await read(await this.#answer({ ...ask, trust: "unverified" }), this);
  }

  async #answer(ask: Ask): Promise<Answer> {
    const answer = await askFreshIfBroken(this.endpoint, ask).catch((error: unknown) => {
      this.#count(ask, "failed");
      throw error;
    });
    const { status, redirected } = answer;
    this.#count(ask, String(status));
    // What a caller asked is asked again with their credentials only.
    if (status === 200 && ask.kind === "manifest" && !ask.login) this.#answerable = asCheapest(ask);
    if (isAnswer(status)) return answer;
    const failure = await refusalFrom(answer);
    const error = this.#error(failure);
    // Neither the limit nor the trouble of storage that a registry redirects to is the registry's.
    if (redirected) throw new HopFailed(error);
    // What one caller has used up is nothing to the others.
    if (status === 429 && failure.kind === "status" && !ask.login) this.#limitWords = failure.words;
    throw error;
  }

  #failed(error: unknown): UpstreamError {
    if (error instanceof UpstreamError) return error;
    if (error instanceof HopFailed && error.cause instanceof UpstreamError) return error.cause;
    return this.#error(failureFrom(error, "header"), error);
  }

  #count({ kind }: Ask, status: string): void {
    const { metrics, upstream } = this.#options;
    metrics.upstreamRequests.inc({ upstream, kind, status });
  }

  #error(failure: UpstreamFailure, cause?: unknown): UpstreamError {
    return new UpstreamError(this.#options.upstream, failure, { cause });
  }
}

/** What storage that a registry redirects to does says nothing of the registry. */
function verdictOn(error: unknown, { failure }: UpstreamError): Verdict {
  return error instanceof HopFailed ? "none" : severityOf(failure);
}

async function withinPatience(work: Promise<void>): Promise<void> {
  const over = new AbortController();
  await Promise.race([work, delay(patienceMs, undefined, { signal: over.signal })]);
  over.abort();
}

function tell(permit: Permit, verdict: "none" | "unknown"): void {
  if (verdict === "none") permit.answered();
  else permit.abandoned();
}

/** The same question as it costs the least; whoever asked it may have gone. */
function asCheapest({ signal: _, ...ask }: Ask): Ask {
  const { range: _range, ...headers } = ask.headers;
  return { ...ask, method: "HEAD", headers, trust: "unverified" };
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
