import type { AccountLimits } from "./account-limits.ts";
import type { Authorization } from "./authorization.ts";
import type { Ask } from "./endpoint.ts";
import type { Answer } from "./exchange.ts";
import { TokenRefused } from "./token-server.ts";
import type { UpstreamFailure } from "./upstream-error.ts";

/** As whom an endpoint is asked: one of the credentials of its upstream, or nobody. */
export interface Account {
  readonly authorization: Authorization;
  readonly limits: AccountLimits;
}

/** No account may be asked now, for the registry wants to be left alone. */
export class Limited extends Error {
  readonly failure: UpstreamFailure;

  constructor(failure: UpstreamFailure) {
    super("every account is limited");
    this.name = "Limited";
    this.failure = failure;
  }
}

type Send = (authorization: Authorization) => Promise<Answer>;

/** What an account was told: by the registry, or 429 by its token server. */
type Told = Answer | TokenRefused;

/** An account that was told 429. */
interface Refused {
  readonly account: Account;
  readonly answer: Told;
}

/**
 * The accounts of an endpoint, in the order of the configuration: the first one is asked until it is limited, then the next.
 * What another one is refused is not believed, for the first one may have the right.
 */
export class Accounts {
  readonly #accounts: readonly Account[];

  constructor(accounts: readonly Account[]) {
    this.#accounts = accounts;
  }

  at(place: number): Account | undefined {
    return this.#accounts[place];
  }

  /**
   * The answer to `send`, which asks as the account that it is given. Where all are limited, the 429 of the one that may ask
   * again first; Limited if that was not asked. Rejects as `send` does.
   */
  async ask(ask: Ask, send: Send): Promise<Answer> {
    const refused: Refused[] = [];
    for (const account of this.#inOrder(ask)) {
      const answer = await askAs(account, send);
      if (isLimited(answer)) refused.push({ account, answer });
      else if (account === this.#accounts[0] || !isDenied(answer)) return settled(answer, refused);
      else return await this.#askFirst(answer, refused, send);
    }
    return this.#limited(this.#soonest(), refused);
  }

  /** Those that may be asked: the ones first that have something left. */
  #inOrder({ kind, method }: Ask): readonly Account[] {
    // A HEAD of a manifest is no pull, and says how many are left.
    const counts = kind === "manifest" && method === "GET";
    return this.#accounts
      .filter(({ limits }) => limits.waitMs === 0)
      .sort((a, b) => Number(a.limits.isSpent(counts)) - Number(b.limits.isSpent(counts)));
  }

  async #askFirst(denied: Answer, refused: readonly Refused[], send: Send): Promise<Answer> {
    denied.body.discard();
    const [first] = this.#accounts;
    const wasRefused = refused.some(({ account }) => account === first);
    if (!first || wasRefused || first.limits.waitMs > 0) return this.#limited(first, refused);
    return settled(await askAs(first, send), refused);
  }

  #limited(account: Account | undefined, refused: readonly Refused[]): Answer {
    const own = refused.find((one) => one.account === account);
    if (own) return settled(own.answer, refused);
    discard(refused);
    throw new Limited(account?.limits.failure ?? noAccount);
  }

  #soonest(): Account | undefined {
    return this.#accounts.toSorted((a, b) => a.limits.waitMs - b.limits.waitMs)[0];
  }
}

const noAccount: UpstreamFailure = { kind: "unreachable", reason: "it has no account" };

async function askAs({ authorization, limits }: Account, send: Send): Promise<Told> {
  try {
    const answer = await send(authorization);
    // The limits of storage that a registry redirects to are not the registry's.
    if (!answer.redirected) limits.note(answer.status, answer.headers);
    return answer;
  } catch (error) {
    if (!(error instanceof TokenRefused) || error.status !== 429) throw error;
    limits.note(429, { "retry-after": error.retryAfter ?? undefined });
    return error;
  }
}

function isLimited(answer: Told): boolean {
  return answer instanceof TokenRefused || (answer.status === 429 && !answer.redirected);
}

function isDenied(answer: Told): answer is Answer {
  if (answer instanceof TokenRefused || answer.redirected) return false;
  return [401, 403, 404].includes(answer.status);
}

function settled(answer: Told, refused: readonly Refused[]): Answer {
  discard(refused.filter((one) => one.answer !== answer));
  if (answer instanceof TokenRefused) throw answer;
  return answer;
}

function discard(refused: readonly Refused[]): void {
  for (const { answer } of refused) if (!(answer instanceof TokenRefused)) answer.body.discard();
}
