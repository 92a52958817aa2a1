import type { CollectLimits } from "../exchange/answer-body.ts";
import type { Connections } from "../exchange/connections.ts";
import type { HopGuard } from "../exchange/hop-guard.ts";
import { askHop } from "../exchange/redirects.ts";
import type { RealmGuard } from "./realm-guard.ts";
import { type TokenQuestion, tokenRequest } from "./token-request.ts";

export interface TokenServerOptions {
  /** Who names the token servers. */
  readonly endpoint: URL;
  readonly connections: Connections;
  readonly guard: HopGuard;
  /** null where there are no credentials: then only `guard` judges. */
  readonly realms: RealmGuard | null;
  readonly userAgent: string;
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

/** An answer of a token server that holds no token, or a token server that cannot be asked for one. */
export class NoToken extends Error {}

// A token is a few KiB.
const tokenLimits: CollectLimits = { limitBytes: 64 * 1024, deadlineMs: 10_000 };

/** Asks the token servers that an endpoint names. */
export class TokenServer {
  readonly #options: TokenServerOptions;

  constructor(options: TokenServerOptions) {
    this.#options = options;
  }

  /**
   * The body of the 200 answer. Rejects with ForbiddenHop before anything is sent, or with NoToken, TokenRefused,
   * and what sockets reject with.
   */
  async ask(question: TokenQuestion): Promise<Buffer> {
    const { endpoint, connections, guard, realms, userAgent } = this.#options;
    const realm = URL.parse(question.realm);
    if (!realm) throw new NoToken("the realm of its challenge is no URL");
    // Questions without credentials too: what is pulled from a registry that we have some for is nobody else's business.
    realms?.assertMaySeeCredentials(realm);
    const { follow, ...request } = tokenRequest(realm, question);
    const headers = { ...plainHeaders, "user-agent": userAgent, ...request.headers };
    const route = { connections, guard, trust: "unverified", follow } as const;
    const answer = await askHop({ ...request, headers }, endpoint, route);
    if (answer.status !== 200) {
      answer.body.discard();
      throw new TokenRefused(answer.status, answer.headers["retry-after"] ?? null);
    }
    const body = await answer.body.collect(tokenLimits);
    if (body === null) throw new NoToken("its token server sent a token of over 64 KiB");
    return body;
  }
}

const plainHeaders = { accept: "application/json", "accept-encoding": "identity" } as const;
