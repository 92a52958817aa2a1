import { NoCredentials } from "../credentials/credentials.ts";
import type { Ask } from "../endpoints/endpoint.ts";
import type { Answer } from "../exchange/exchange.ts";
import type { Authorization } from "../tokens/authorization.ts";
import { TokenRefused } from "../tokens/token-server.ts";
import { relayedReason } from "../told-cache-status.ts";
import type { UpstreamFailure } from "../upstream-error.ts";
import type { AccountLimits } from "./account-limits.ts";

/** As whom an endpoint is asked: one of the credentials of its upstream, or nobody. */
export interface Account {
  readonly authorization: Authorization;
  readonly limits: AccountLimits;
}

/** No account may be asked now, for the registry wants to be left alone, or the caller is to guess no more. */
export class Limited extends Error {
  readonly failure: UpstreamFailure;

  constructor(failure: UpstreamFailure) {
    super("every account is limited");
    this.name = "Limited";
    this.failure = failure;
  }
}

type Send = (authorization: Authorization) => Promise<Answer>;

/** What an account was told, by the registry or its token server; or that there are no credentials to show for it. */
type Told = Answer | TokenRefused | NoCredentials;

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
    let told: Told | null = null;
    try {
      told = await this.#askInOrder(ask, { send, refused });
      if (told instanceof Error) throw told;
      return told;
    } finally {
      for (const { answer } of refused) if (answer !== told) discard(answer);
    }
  }

  async #askInOrder(ask: Ask, asking: Asking): Promise<Told> {
    for (const account of this.#inOrder(ask)) {
      const answer = await askAs(account, asking.send);
      if (isLimited(answer)) asking.refused.push({ account, answer });
      else if (account === this.#accounts[0] || !isDenied(answer)) return answer;
      else return await this.#askFirst(answer, asking);
    }
    return limitOf(this.#soonest(), asking);
  }

  /** Those that may be asked: the ones first that have something left. */
  #inOrder({ kind, method }: Ask): readonly Account[] {
    // A HEAD of a manifest is no pull, and says how many are left.
    const counts = kind === "manifest" && method === "GET";
    return this.#accounts
      .filter(({ limits }) => limits.waitMs === 0)
      .sort((a, b) => Number(a.limits.isSpent(counts)) - Number(b.limits.isSpent(counts)));
  }

  async #askFirst(denied: Told, asking: Asking): Promise<Told> {
    discard(denied);
    const [first] = this.#accounts;
    const wasRefused = asking.refused.some(({ account }) => account === first);
    if (!first || wasRefused || first.limits.waitMs > 0) return limitOf(first, asking);
    return await askAs(first, asking.send);
  }

  #soonest(): Account | undefined {
    return this.#accounts.toSorted((a, b) => a.limits.waitMs - b.limits.waitMs)[0];
  }
}

interface Asking {
  readonly send: Send;
  readonly refused: Refused[];
}

const noAccount: UpstreamFailure = { kind: "unreachable", reason: "it has no account" };

/** The 429 of an account, as it was told or as it is remembered. */
function limitOf(account: Account | undefined, { refused }: Asking): Told {
  const own = refused.find((one) => one.account === account);
  if (own) return own.answer;
  throw new Limited(account?.limits.failure ?? noAccount);
}

async function askAs({ authorization, limits }: Account, send: Send): Promise<Told> {
  try {
    const answer = await send(authorization);
    if (isOwn(answer)) limits.note(answer.status, answer.headers);
    return answer;
  } catch (error) {
    if (error instanceof NoCredentials) return error;
    if (!(error instanceof TokenRefused) || ![401, 403, 429].includes(error.status)) throw error;
    limits.note(error.status, { "retry-after": error.retryAfter ?? undefined });
    return error;
  }
}

function isLimited(told: Told): boolean {
  if (told instanceof NoCredentials) return false;
  return told.status === 429 && (told instanceof TokenRefused || isOwn(told));
}

/** The limits of storage that a registry redirects to are not the registry's; those that a mirror met are not ours. */
function isOwn(answer: Answer): boolean {
  return !answer.redirected && relayedReason(answer) === null;
}

function isDenied(told: Told): boolean {
  if (told instanceof Error) return true;
  return !told.redirected && [401, 403, 404].includes(told.status);
}

function discard(told: Told): void {
  if (!(told instanceof Error)) told.body.discard();
}
