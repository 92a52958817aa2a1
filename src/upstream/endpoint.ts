import type { Repository } from "../oci/repository.ts";
import type { CollectLimits } from "./answer-body.ts";
import { type BearerChallenge, bearerChallenge } from "./challenge.ts";
import { type ConnectionOptions, Connections, type Trust } from "./connections.ts";
import type { Answer } from "./exchange.ts";
import { HopGuard } from "./hop-guard.ts";
import { askEndpoint, askHop } from "./redirects.ts";
import { NoToken, TokenSource } from "./token-source.ts";

export interface EndpointOptions {
  readonly upstream: string;
  readonly url: URL;
  readonly privateRedirects: boolean;
  readonly connections: Omit<ConnectionOptions, "hopLookup">;
  readonly userAgent: string;
  readonly monotonicMs: () => number;
}

/** A pull request to a registry. */
export interface Ask {
  readonly kind: "manifest" | "blob" | "tags" | "referrers";
  readonly method: "GET" | "HEAD";
  readonly repository: Repository;
  /** What follows `/v2/REPOSITORY/`, query included. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly trust: Trust;
  /** Aborting it ends the request, and the answer if it has begun. */
  readonly signal?: AbortSignal;
}

/** A token server that answered, but not with 200. */
export class TokenRefused extends Error {
  readonly status: number;
  readonly retryAfter: string | null;

  constructor(status: number, retryAfter: string | null) {
    super(`its token server answered with status ${status}`);
    this.name = "TokenRefused";
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

// A token is a few KiB.
const tokenLimits: CollectLimits = { limitBytes: 64 * 1024, deadlineMs: 10_000 };

/** One base URL of an upstream: speaks HTTP to it, with tokens and redirects, and judges nothing. */
export class Endpoint implements AsyncDisposable {
  readonly url: URL;
  readonly #userAgent: string;
  readonly #guard: HopGuard;
  readonly #connections: Connections;
  readonly #tokens: TokenSource;
  // The last challenge that led to a token, so that only the first pull pays for the 401 that tells it.
  #challenge: BearerChallenge | null = null;

  constructor(options: EndpointOptions) {
    const { url, upstream, privateRedirects } = options;
    this.url = url;
    this.#userAgent = options.userAgent;
    this.#guard = new HopGuard({ endpoint: url, upstream, privateRedirects });
    this.#connections = new Connections({ ...options.connections, hopLookup: this.#guard.lookup });
    this.#tokens = new TokenSource(options.monotonicMs);
  }

  /**
   * The endpoint's answer, whatever its status; a 401 only if a fresh token did not help. Rejects with
   * what sockets reject with, and with ForbiddenHop, NoToken, TokenRefused.
   */
  async ask(request: Ask): Promise<Answer> {
    const answer = await this.#askWithToken(request);
    if (request.method === "HEAD" || !isRefusedByHop(answer)) return answer;
    // Signed URLs expire, and not every node of a storage is well: the registry gives a new one.
    answer.body.discard();
    return await this.#askWithToken(request);
  }

  /** Lets running answers end, and takes no more requests. */
  retire(): Promise<void> {
    return this.#connections.retire();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#connections[Symbol.asyncDispose]();
  }

  async #askWithToken(request: Ask): Promise<Answer> {
    const { repository } = request;
    const used = this.#challenge && (await this.#tokenBy(this.#challenge, repository));
    const answer = await this.#send(request, used);
    if (answer.status !== 401 || answer.redirected) return answer;
    const challenge = bearerChallenge(answer.headers["www-authenticate"]);
    if (!challenge) return answer;
    answer.body.discard();
    if (used !== null) this.#tokens.forget(challenge, repository, used);
    return await this.#send(request, await this.#tokenBy(challenge, repository));
  }

  #send(
    { method, repository, path, headers, trust, signal }: Ask,
    token: string | null,
  ): Promise<Answer> {
    const url = new URL(this.url);
    const [pathname = "", query] = `/v2/${repository}/${path}`.split("?");
    url.pathname = url.pathname.replace(/\/$/, "") + pathname;
    if (query !== undefined) url.search = query;
    return askEndpoint(
      { url, method, headers: { ...this.#headers(headers), ...authorization(token) }, signal },
      { connections: this.#connections, guard: this.#guard, trust },
    );
  }

  async #tokenBy(challenge: BearerChallenge, repository: Repository): Promise<string> {
    try {
      const ask = (url: URL): Promise<Buffer> => this.#askTokenServer(url);
      const token = await this.#tokens.token(challenge, repository, ask);
      this.#challenge = challenge;
      return token;
    } catch (error) {
      // What leads to no token (any more) must not stand before every pull: the next 401 tells where tokens are now.
      this.#challenge = null;
      throw error;
    }
  }

  async #askTokenServer(url: URL): Promise<Buffer> {
    const request = {
      url,
      method: "GET",
      headers: this.#headers({ accept: "application/json" }),
    } as const;
    const route = {
      connections: this.#connections,
      guard: this.#guard,
      trust: "unverified",
    } as const;
    const { status, headers, body } = await askHop(request, this.url, route);
    if (status !== 200) {
      body.discard();
      throw new TokenRefused(status, headers["retry-after"] ?? null);
    }
    const text = await body.collect(tokenLimits);
    if (text === null) throw new NoToken("its token server sent a token of over 64 KiB");
    return text;
  }

  // Registries must not encode what they send: the digest is of the bytes as they are stored.
  #headers(headers: Readonly<Record<string, string>>): Record<string, string> {
    return { ...headers, "accept-encoding": "identity", "user-agent": this.#userAgent };
  }
}

function isRefusedByHop({ redirected, status }: Answer): boolean {
  return redirected && (status === 401 || status === 403);
}

function authorization(token: string | null): Record<string, string> {
  return token === null ? {} : { authorization: `Bearer ${token}` };
}
