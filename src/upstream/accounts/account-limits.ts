import type { AnswerHeaders } from "../exchange/answer-body.ts";
import type { UpstreamFailure } from "../upstream-error.ts";
import { Allowance, type AllowanceState } from "./allowance.ts";
import { type PullLimit, pullLimitIn } from "./pull-limit.ts";
import { type Clocks, RateLimit } from "./rate-limit.ts";

export interface AccountLimitsOptions {
  readonly upstream: string;
  /** Host and port of the endpoint. */
  readonly endpoint: string;
  /** "1" for the first credentials of the configuration, and so on; "anonymous" for nobody. */
  readonly account: string;
  readonly clocks: Clocks;
  readonly onTold: OnTold;
}

/** Called with what a registry has just said, and the state before. */
export type OnTold = (known: KnownLimits, before: AllowanceState) => void;

/** What is known of the limits of one account at one endpoint. */
export interface KnownLimits
  extends Pick<AccountLimitsOptions, "upstream" | "endpoint" | "account"> {
  readonly state: AllowanceState;
  /** null where the registry has not said, or not lately. */
  readonly told: PullLimit | null;
  readonly emptyInMs: number | null;
  /** For so long the registry has asked to be left alone; 0: not. */
  readonly waitMs: number;
}

// A registry that answers 429 without saying for how long is asked as others for so long first, if there are others.
const spentMs = 5 * 60_000;

/** What one account may still ask of one endpoint. */
export class AccountLimits {
  readonly #options: AccountLimitsOptions;
  readonly #allowance: Allowance;
  readonly #wait: RateLimit;
  #spentUntilMs = 0;

  constructor(options: AccountLimitsOptions) {
    this.#options = options;
    this.#allowance = new Allowance(options.clocks.monotonicMs);
    this.#wait = new RateLimit(options.clocks);
  }

  /** An answer of the registry itself, or of its token server. */
  note(status: number, headers: AnswerHeaders): void {
    const told = pullLimitIn(headers);
    if (told) this.#noteTold(told);
    if (status !== 429) return;
    this.#spentUntilMs = this.#options.clocks.monotonicMs() + spentMs;
    this.#wait.note(status, headers["retry-after"] ?? null);
  }

  /** For so long it may not be asked, in ms; 0 if it may be. */
  get waitMs(): number {
    return this.#wait.leftMs;
  }

  /** What the registry said, with the time that is left. */
  get failure(): UpstreamFailure {
    return this.#wait.current();
  }

  /** Whether another account should be asked before this one; `counts`: for something that counts as a pull. */
  isSpent(counts: boolean): boolean {
    if (this.#options.clocks.monotonicMs() < this.#spentUntilMs) return true;
    return counts && this.#allowance.state === "empty";
  }

  /** Whether what is left should be kept for what cannot be had otherwise. */
  get isScarce(): boolean {
    const { state } = this.#allowance;
    return state === "low" || state === "empty";
  }

  get known(): KnownLimits {
    const { upstream, endpoint, account } = this.#options;
    const { state, told, emptyInMs } = this.#allowance;
    return { upstream, endpoint, account, state, told, emptyInMs, waitMs: this.#wait.leftMs };
  }

  #noteTold(told: PullLimit): void {
    const before = this.#allowance.state;
    this.#allowance.note(told);
    this.#options.onTold(this.known, before);
  }
}
