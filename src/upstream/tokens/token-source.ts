import { createHmac, randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import { waitFor } from "../../telemetry/waits.ts";
import type { Credentials } from "../credentials/credentials.ts";
import { SingleFlight } from "../single-flight.ts";
import type { TokenQuestion } from "./token-request.ts";
import { NoToken } from "./token-server.ts";

export interface TokenSourceOptions {
  /** Asks a token server; resolves to the body of its 200 answer. */
  readonly ask: (question: TokenQuestion) => Promise<Buffer>;
  /** A clock that does not jump with the wall clock. */
  readonly monotonicMs: () => number;
}

// A token a repository: more than a large site pulls within a token's life.
const tokensLimit = 10_000;

// Distribution's token documentation: without expires_in a token lives 60 seconds.
const defaultLifeSeconds = 60;

// However long a server says: a day-old token that was revoked costs one 401, but so does this.
const longestLifeSeconds = 3600;

// From here on a token is renewed behind the requests that still use it: none of them waits, and a token server that
// is down for a while is not noticed.
const agingShare = 0.75;

// A token must outlive the request it is fetched for, so a tenth of its life is left for that.
const usedShare = 0.9;

// How long to leave a token server alone that gave no new token while the old one lasts.
const putOffMs = 5_000;

interface Token {
  readonly text: string;
  readonly renewAtMs: number;
  readonly usedUpAtMs: number;
}

/**
 * Bearer tokens, cached by realm, service, scope and credentials; one request for any number of callers, ahead of
 * need as long as the token is asked for.
 */
export class TokenSource {
  readonly #options: TokenSourceOptions;
  readonly #tokens = new LRUCache<string, Token>({ max: tokensLimit });
  readonly #asking = new SingleFlight<Token>();
  readonly #salt = randomBytes(32);

  constructor(options: TokenSourceOptions) {
    this.#options = options;
  }

  /** A token for what is asked. Rejects with NoToken or what `ask` rejects with. */
  async token(question: TokenQuestion): Promise<string> {
    const key = this.#keyOf(question);
    const held = this.#tokens.get(key);
    const nowMs = this.#options.monotonicMs();
    if (held === undefined || held.usedUpAtMs <= nowMs) {
      const renewed = this.#asking.run(key, () => this.#renew(key, question));
      return (await waitFor(renewed.joined ? "shared" : "token", () => renewed.result)).text;
    }
    if (held.renewAtMs <= nowMs) this.#renewBehind(key, question, held);
    return held.text;
  }

  /** Forgets a token that was not accepted, unless a newer one has taken its place. */
  forget(question: TokenQuestion, text: string): void {
    const key = this.#keyOf(question);
    if (this.#tokens.peek(key)?.text === text) this.#tokens.delete(key);
  }

  #renewBehind(key: string, question: TokenQuestion, held: Token): void {
    const { result, joined } = this.#asking.run(key, () => this.#renew(key, question));
    // Why there is no new token is told to whoever asks when the old one is used up.
    if (!joined) result.catch(() => this.#putOff(key, held));
  }

  #putOff(key: string, held: Token): void {
    if (this.#tokens.peek(key) !== held) return;
    this.#tokens.set(key, { ...held, renewAtMs: this.#options.monotonicMs() + putOffMs });
  }

  async #renew(key: string, question: TokenQuestion): Promise<Token> {
    const { ask, monotonicMs } = this.#options;
    const token = readToken(await ask(question), monotonicMs());
    this.#tokens.set(key, token);
    return token;
  }

  #keyOf({ realm, service, scope, credentials }: TokenQuestion): string {
    return JSON.stringify([realm, service, scope, credentials && this.#mark(credentials)]);
  }

  /** What tells credentials apart without being them. */
  #mark(credentials: Credentials): string {
    return createHmac("sha256", this.#salt).update(JSON.stringify(credentials)).digest("base64");
  }
}

function readToken(body: Buffer, nowMs: number): Token {
  const answer = parseJson(body);
  const text = [answer["token"], answer["access_token"]].find(isTokenText);
  if (text === undefined) throw new NoToken("its token server sent no token");
  const lifeMs = lifeOf(answer["expires_in"]) * 1000;
  return { text, renewAtMs: nowMs + lifeMs * agingShare, usedUpAtMs: nowMs + lifeMs * usedShare };
}

// What may stand behind "Bearer " (RFC 6750); anything else could not be sent as a header.
function isTokenText(value: unknown): value is string {
  return typeof value === "string" && /^[\w.~+/-]+=*$/.test(value);
}

/** In seconds. A life of nothing is no life: a server that says so does not mean it. */
function lifeOf(expiresIn: unknown): number {
  if (typeof expiresIn !== "number" || !(expiresIn > 0)) return defaultLifeSeconds;
  return Math.min(expiresIn, longestLifeSeconds);
}

function parseJson(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    if (typeof value === "object" && value !== null) return { ...value };
  } catch {
    // Not JSON: the same as JSON without a token.
  }
  return {};
}
