import type { Repository } from "../../oci/repository.ts";
import type { AccountLimits } from "../accounts/account-limits.ts";
import { Accounts } from "../accounts/accounts.ts";
import type { ForwardedLogin } from "../accounts/forwarded-login.ts";
import { LoginAccounts } from "../accounts/login-accounts.ts";
import type { Clocks } from "../accounts/rate-limit.ts";
import type { CredentialSource } from "../credentials/credentials.ts";
import { answerWithin } from "../exchange/answer-within.ts";
import { type ConnectionOptions, Connections, type Trust } from "../exchange/connections.ts";
import type { Answer } from "../exchange/exchange.ts";
import { HopGuard } from "../exchange/hop-guard.ts";
import { askEndpoint, askHop, type Route } from "../exchange/redirects.ts";
import { Authorization } from "../tokens/authorization.ts";
import { RealmGuard } from "../tokens/realm-guard.ts";
import { TokenServer } from "../tokens/token-server.ts";
import { TokenSource } from "../tokens/token-source.ts";

export interface EndpointOptions {
  readonly upstream: string;
  readonly url: URL;
  readonly privateRedirects: boolean;
  /** Who asks, in the order to ask as; at least one. */
  readonly accounts: readonly AccountOptions[];
  /**
   * Hosts of token servers that may see the upstream's credentials, beside the endpoint's own and those known for it; no
   * other is asked, not for anybody's token either. null for an upstream without credentials.
   */
  readonly realms: readonly string[] | null;
  readonly connections: Omit<ConnectionOptions, "hopLookup" | "endpointOrigin">;
  /** From a question about anything but a blob to its response header, whatever must be asked before. */
  readonly answerMs: number;
  readonly userAgent: string;
  readonly clocks: Clocks;
}

export interface AccountOptions {
  /** null: anybody. Disposed with the endpoint, so only endpoints that end together may share it. */
  readonly credentials: CredentialSource | null;
  readonly limits: AccountLimits;
}

/** A pull request to a registry. */
export interface Ask {
  readonly kind: "manifest" | "blob" | "tags" | "referrers";
  readonly method: "GET" | "HEAD";
  readonly repository: Repository;
  /** As of `Place`. */
  readonly login: ForwardedLogin | null;
  /** What follows `/v2/REPOSITORY/`, query included. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly trust: Trust;
  /** Storage that the endpoint redirected the same question to: asked there first, for a part of what it sends. */
  readonly hop?: URL | null;
  /** Aborting it ends the request, and the answer if it has begun. */
  readonly signal?: AbortSignal;
}

/** One base URL of an upstream: speaks HTTP to it, with tokens and redirects, and judges nothing. */
export class Endpoint implements AsyncDisposable {
  readonly url: URL;
  readonly #userAgent: string;
  readonly #guard: HopGuard;
  readonly #connections: Connections;
  readonly #configured: readonly AccountOptions[];
  readonly #accounts: Accounts;
  readonly #logins: LoginAccounts;
  readonly #answerMs: number;

  constructor(options: EndpointOptions) {
    const { url, upstream, privateRedirects, realms, accounts, userAgent } = options;
    this.url = url;
    this.#userAgent = userAgent;
    this.#answerMs = options.answerMs;
    this.#configured = accounts;
    this.#guard = new HopGuard({ endpoint: url, upstream, privateRedirects });
    this.#connections = new Connections({
      ...options.connections,
      endpointOrigin: url.origin,
      hopLookup: this.#guard.lookup,
    });
    const tokenServer = new TokenServer({
      endpoint: url,
      connections: this.#connections,
      guard: this.#guard,
      realms: realms && new RealmGuard({ endpoint: url, upstream, realms }),
      userAgent,
    });
    const { clocks } = options;
    const { monotonicMs } = clocks;
    const tokens = new TokenSource({ ask: (question) => tokenServer.ask(question), monotonicMs });
    this.#accounts = new Accounts(
      accounts.map(({ credentials, limits }) => {
        return { authorization: new Authorization({ credentials, tokens }), limits };
      }),
    );
    this.#logins = new LoginAccounts({ tokens, clocks });
  }

  /** For so long every account is to leave it alone, in ms; 0 while one may ask. */
  get waitMs(): number {
    return Math.min(...this.#configured.map(({ limits }) => limits.waitMs));
  }

  /** Whether what may still be pulled should be kept for what cannot be had otherwise. */
  get isScarce(): boolean {
    // Who has to wait is not asked anyway.
    const open = this.#configured.filter(({ limits }) => limits.waitMs === 0);
    return open.length > 0 && open.every(({ limits }) => limits.isScarce);
  }

  /**
   * The endpoint's answer, whatever its status; a 401 only if fresh credentials did not help. Rejects with
   * what sockets reject with, and with AnswerOverdue, ForbiddenHop, NoCredentials, NoToken, TokenRefused, Limited.
   */
  async ask(request: Ask): Promise<Answer> {
    // Of a blob each step has its time, for no client goes elsewhere for one.
    if (request.kind === "blob") return await this.#ask(request);
    return await answerWithin(this.#answerMs, request.signal, (signal) =>
      this.#ask({ ...request, signal }),
    );
  }

  #ask(request: Ask): Promise<Answer> {
    const send = (authorization: Authorization): Promise<Answer> =>
      this.#askAs(authorization, request);
    const { login } = request;
    return login ? this.#logins.ask(login, send) : this.#accounts.ask(request, send);
  }

  /** What it answers to `GET /v2/`, asked as by nobody. Rejects with what sockets reject with, and with ForbiddenHop. */
  greet(): Promise<Answer> {
    return this.#askBase(null);
  }

  /**
   * The same with what its challenge wants of an account, by its place; null if that is nothing it has. Rejects as `ask`
   * does.
   */
  async login(challenge: string | undefined, place: number): Promise<Answer | null> {
    const authorization = (await this.#accounts.at(place)?.authorization.login(challenge)) ?? null;
    return authorization === null ? null : await this.#askBase(authorization);
  }

  /** The same with what its challenge wants of a login; null if that is nothing that the caller has. Rejects as `ask` does. */
  async loginWith(challenge: string | undefined, login: ForwardedLogin): Promise<Answer | null> {
    return await this.#logins.tryWith(login, async (authorization) => {
      const header = await authorization.login(challenge);
      return header === null ? null : await this.#askBase(header);
    });
  }

  /** Lets what runs end, with the credentials that it needs for that, and keeps no connection for later. */
  async retire(): Promise<void> {
    await this.#connections.retire();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { credentials } of this.#configured) credentials?.[Symbol.dispose]();
    await this.#connections[Symbol.asyncDispose]();
  }

  async #askAs(authorization: Authorization, request: Ask): Promise<Answer> {
    const part = await this.#askKnownHop(request);
    if (part) return part;
    const answer = await this.#askAuthorized(authorization, request);
    if (request.method === "HEAD" || !isRefusedByHop(answer)) return answer;
    // Signed URLs expire, and not every node of a storage is well: the registry gives a new one.
    answer.body.discard();
    return await this.#askAuthorized(authorization, request);
  }

  /** null where the registry is to be asked. */
  async #askKnownHop({ hop, method, headers, trust, signal }: Ask): Promise<Answer | null> {
    // Within the endpoint's origin its credentials go along, and nobody knows whether they still do.
    if (!hop || hop.origin === this.url.origin || method !== "GET") return null;
    try {
      const request = { url: hop, method, headers: this.#headers(headers, null), signal };
      const answer = await askHop(request, this.url, { ...this.#route, trust });
      if (answer.status === 206) return { ...answer, redirected: true };
      answer.body.discard();
    } catch (error) {
      if (signal?.aborted) throw error;
    }
    return null;
  }

  async #askAuthorized(authorization: Authorization, request: Ask): Promise<Answer> {
    const used = await authorization.expected(request.repository);
    const answer = await this.#send(request, used);
    if (answer.status !== 401 || answer.redirected) return answer;
    const challenge = answer.headers["www-authenticate"];
    const renewing = authorization.renewed(challenge, request.repository, used);
    const renewed = await renewing.catch((error: unknown) => {
      answer.body.discard();
      throw error;
    });
    if (renewed === null) return answer;
    answer.body.discard();
    return await this.#send(request, renewed);
  }

  #askBase(authorization: string | null): Promise<Answer> {
    const headers = this.#headers({ accept: "application/json" }, authorization);
    return askEndpoint(
      { url: this.#urlOf("/v2/"), method: "GET", headers },
      { ...this.#route, trust: "unverified" },
    );
  }

  #send(
    { method, repository, path, headers, trust, signal }: Ask,
    authorization: string | null,
  ): Promise<Answer> {
    const url = this.#urlOf(`/v2/${repository}/${path}`);
    return askEndpoint(
      { url, method, headers: this.#headers(headers, authorization), signal },
      { ...this.#route, trust },
    );
  }

  get #route(): Omit<Route, "trust"> {
    return { connections: this.#connections, guard: this.#guard, follow: "anywhere" };
  }

  #urlOf(target: string): URL {
    const url = new URL(this.url);
    const [pathname = "", query = ""] = target.split("?");
    url.pathname = url.pathname.replace(/\/$/, "") + pathname;
    // What an endpoint is configured with is the name by which a mirror there knows the upstream: `?ns=HOST`.
    url.search = [url.search.slice(1), query].filter((part) => part !== "").join("&");
    return url;
  }

  #headers(
    headers: Readonly<Record<string, string>>,
    authorization: string | null,
  ): Record<string, string> {
    return {
      ...headers,
      // Registries must not encode what they send: the digest is of the bytes as they are stored.
      "accept-encoding": "identity",
      "user-agent": this.#userAgent,
      ...(authorization === null ? {} : { authorization }),
    };
  }
}

function isRefusedByHop({ redirected, status }: Answer): boolean {
  return redirected && (status === 401 || status === 403);
}
