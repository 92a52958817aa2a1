import { LRUCache } from "lru-cache";
import type { Repository } from "../oci/repository.ts";
import type { BearerChallenge } from "./challenge.ts";
import { SingleFlight } from "./single-flight.ts";

/** Asks a token server; resolves to the body of its 200 answer. */
export type AskTokenServer = (url: URL) => Promise<Buffer>;

/** A token server's answer that holds no token. */
export class NoToken extends Error {}

// A token a repository: more than a large site pulls within a token's life.
const tokensLimit = 10_000;

// Distribution's token documentation: without expires_in a token lives 60 seconds.
const defaultLifeSeconds = 60;

// However long a server says: a day-old token that was revoked costs one 401, but so does this.
const longestLifeSeconds = 3600;

// A token must outlive the request it is fetched for; so it is renewed when a tenth of its life is left.
const usedShare = 0.9;

interface Token {
  readonly text: string;
  readonly expiresAtMs: number;
}

/**
 * Bearer tokens for pulls (distribution's token authentication), cached by realm, service and scope; one
 * request for any number of callers. `monotonicMs` must not jump with the wall clock.
 */
export class TokenSource {
  readonly #monotonicMs: () => number;
  readonly #tokens = new LRUCache<string, Token>({ max: tokensLimit });
  readonly #asking = new SingleFlight<Token>();

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** A token that is good for pulling from `repository`. Rejects with NoToken or what `ask` rejects with. */
  async token(
    challenge: BearerChallenge,
    repository: Repository,
    ask: AskTokenServer,
  ): Promise<string> {
    const key = tokenUrl(challenge, repository).href;
    const cached = this.#tokens.get(key);
    if (cached && cached.expiresAtMs > this.#monotonicMs()) return cached.text;
    return (await this.#asking.run(key, () => this.#renew(key, ask)).result).text;
  }

  /** Forgets a token that was not accepted, unless a newer one has taken its place. */
  forget(challenge: BearerChallenge, repository: Repository, text: string): void {
    const key = tokenUrl(challenge, repository).href;
    if (this.#tokens.peek(key)?.text === text) this.#tokens.delete(key);
  }

  async #renew(key: string, ask: AskTokenServer): Promise<Token> {
    const token = readToken(await ask(new URL(key)), this.#monotonicMs());
    this.#tokens.set(key, token);
    return token;
  }
}

function tokenUrl({ realm, service }: BearerChallenge, repository: Repository): URL {
  const url = URL.parse(realm);
  if (!url) throw new NoToken("the realm of its challenge is no URL");
  if (service !== null) url.searchParams.set("service", service);
  url.searchParams.set("scope", `repository:${repository}:pull`);
  return url;
}

function readToken(body: Buffer, nowMs: number): Token {
  const answer = parseJson(body);
  const text = [answer["token"], answer["access_token"]].find(isTokenText);
  if (text === undefined) throw new NoToken("its token server sent no token");
  const lifeSeconds = lifeOf(answer["expires_in"]);
  return { text, expiresAtMs: nowMs + lifeSeconds * usedShare * 1000 };
}

// What may stand behind "Bearer " (RFC 6750); anything else could not be sent as a header.
function isTokenText(value: unknown): value is string {
  return typeof value === "string" && /^[\w.~+/-]+=*$/.test(value);
}

function lifeOf(expiresIn: unknown): number {
  if (typeof expiresIn !== "number" || !Number.isFinite(expiresIn)) return defaultLifeSeconds;
  return Math.min(Math.max(expiresIn, 0), longestLifeSeconds);
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
