import { isIPv4 } from "node:net";
import { LRUCache } from "lru-cache";

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
    const account = this.#present(placeOf(address));
    if (account.left < 1) return Math.ceil((1 - account.left) * refillMs);
    account.left -= 1;
    return 0;
  }

  giveBack(address: string | undefined): void {
    const account = this.#present(placeOf(address));
    account.left = Math.min(burst, account.left + 1);
  }

  #present(place: string): Account {
    const nowMs = this.#monotonicMs();
    const account = this.#accounts.get(place) ?? { left: burst, atMs: nowMs };
    account.left = Math.min(burst, account.left + (nowMs - account.atMs) / refillMs);
    account.atMs = nowMs;
    this.#accounts.set(place, account);
    return account;
  }
}

/** Whom an address belongs to: of IPv6, who has one has 2^64. */
function placeOf(address = ""): string {
  const mapped = address.replace(/^::ffff:/i, "");
  if (isIPv4(mapped)) return mapped;
  return networkOf(address);
}

/** The first four of eight groups. */
function networkOf(address: string): string {
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const behind = tail === undefined || tail === "" ? [] : tail.split(":");
  const between = tail === undefined ? 0 : Math.max(0, 8 - before.length - behind.length);
  const groups = [...before, ...Array.from({ length: between }, () => "0"), ...behind];
  return groups.slice(0, 4).join(":");
}
