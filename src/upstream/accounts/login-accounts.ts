import { LRUCache } from "lru-cache";
import { FixedCredentials } from "../credentials/fixed-credentials.ts";
import type { Answer } from "../exchange/exchange.ts";
import { Authorization } from "../tokens/authorization.ts";
import { TokenRefused } from "../tokens/token-server.ts";
import type { TokenSource } from "../tokens/token-source.ts";
import { Limited } from "./accounts.ts";
import type { ForwardedLogin } from "./forwarded-login.ts";
import { LoginTrial } from "./login-trial.ts";
import { type Clocks, RateLimit } from "./rate-limit.ts";

export interface LoginAccountsOptions {
  readonly tokens: TokenSource;
  readonly clocks: Clocks;
}

type Send<T> = (authorization: Authorization) => Promise<T>;

interface LoginAccount {
  readonly authorization: Authorization;
  readonly trial: LoginTrial;
  /** What one caller has used up is left to the others. */
  readonly limit: RateLimit;
}

// Who pulls within some minutes; one more costs a 401 that tells again what the endpoint wants.
const loginsLimit = 1_000;

// A pull goes on for minutes. Credentials stay no longer in memory than they are of use.
const keptMs = 10 * 60_000;

/** The callers of an endpoint, each asked for as by themselves, with tokens and limits of their own. */
export class LoginAccounts {
  readonly #options: LoginAccountsOptions;
  readonly #accounts: LRUCache<string, LoginAccount>;

  constructor(options: LoginAccountsOptions) {
    this.#options = options;
    this.#accounts = new LRUCache({
      max: loginsLimit,
      ttl: keptMs,
      updateAgeOnGet: true,
      perf: { now: options.clocks.monotonicMs },
    });
  }

  /** The answer to `send`. Rejects with Limited while the caller is to wait, and as `send` does. */
  async ask(login: ForwardedLogin, send: Send<Answer>): Promise<Answer> {
    const { limit } = this.#of(login);
    if (limit.leftMs > 0) throw new Limited(limit.current());
    try {
      const answer = await this.tryWith(login, send);
      if (!answer.redirected) limit.note(answer.status, answer.headers["retry-after"] ?? null);
      return answer;
    } catch (error) {
      if (error instanceof TokenRefused) limit.note(error.status, error.retryAfter);
      throw error;
    }
  }

  /** The same, of something that the caller is not limited in. Rejects with Limited where too many logins were wrong. */
  async tryWith<T extends Answer | null>(login: ForwardedLogin, send: Send<T>): Promise<T> {
    const { authorization, trial } = this.#of(login);
    const { guesses } = login;
    if (guesses === null) return await send(authorization);
    return await trial.ask(guesses, () => send(authorization));
  }

  #of(login: ForwardedLogin): LoginAccount {
    const known = this.#accounts.get(login.mark);
    if (known) return known;
    const { tokens, clocks } = this.#options;
    const credentials = login.credentials && new FixedCredentials(login.credentials);
    const authorization = new Authorization({ credentials, tokens });
    const account = { authorization, trial: new LoginTrial(), limit: new RateLimit(clocks) };
    this.#accounts.set(login.mark, account);
    return account;
  }
}
