import { LRUCache } from "lru-cache";
import { clientGroup } from "../config/client-group.ts";

// A person who tries some passwords, or a node whose pods have thirty of them that are old, notices nothing; who
// guesses gets 43,000 guesses a day.
const burst = 30;
const refillMs = 2_000;

const addressLimit = 10_000;

interface Account {
  /** How many may fail at `atMs`; a fraction while it fills. */
  left: number;
  atMs: number;
}

/** How many logins of an address may fail: so many at once, then one every two seconds. What is right costs nothing. */
export class FailureLimit {
  readonly #monotonicMs: () => number;
  readonly #accounts = new LRUCache<string, Account>({ max: addressLimit });

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** Takes one before it is known whether the login is right; or returns after how many ms there will be one. */
  take(address: string | undefined): number {
    const account = this.#present(clientGroup(address ?? ""));
    if (account.left < 1) return Math.ceil((1 - account.left) * refillMs);
    account.left -= 1;
    return 0;
  }

  giveBack(address: string | undefined): void {
    const account = this.#present(clientGroup(address ?? ""));
    account.left = Math.min(burst, account.left + 1);
  }

  #present(group: string): Account {
    const nowMs = this.#monotonicMs();
    const account = this.#accounts.get(group) ?? { left: burst, atMs: nowMs };
    account.left = Math.min(burst, account.left + (nowMs - account.atMs) / refillMs);
    account.atMs = nowMs;
    this.#accounts.set(group, account);
    return account;
  }
}
