import { AccountLimits, type AccountLimitsOptions, type KnownLimits } from "./account-limits.ts";

/** The limits of an upstream, by endpoint and account; shared by all who ask it, whatever they ask for. */
export class UpstreamLimits {
  readonly #options: Omit<AccountLimitsOptions, "endpoint" | "account">;
  readonly #limits = new Map<string, AccountLimits>();

  constructor(options: Omit<AccountLimitsOptions, "endpoint" | "account">) {
    this.#options = options;
  }

  of(endpoint: string, account: string): AccountLimits {
    const key = `${endpoint} ${account}`;
    const limits =
      this.#limits.get(key) ?? new AccountLimits({ ...this.#options, endpoint, account });
    this.#limits.set(key, limits);
    return limits;
  }

  get known(): readonly KnownLimits[] {
    return [...this.#limits.values()].map(({ known }) => known);
  }
}
