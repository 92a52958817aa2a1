import { compare } from "bcrypt";
import type { PasswordHash } from "../config/files/htpasswd.ts";

interface PasswordHashingOptions {
  readonly waitingLimit?: number;
  readonly waitLimitMs?: number;
}

/** Begins a turn when it is called with true; with false there is none. */
type Waiter = (isTurn: boolean) => void;

// Some four seconds of work at cost 10. Clients wait for ten or more, and who comes later had better be told at once.
const defaultWaitingLimit = 64;
const defaultWaitLimitMs = 10_000;

/**
 * Compares passwords with their hashes, one at a time for the whole process: the work is done in the pool of four threads
 * that reads files for pulls, and must not take more than one of them.
 */
export class PasswordHashing {
  readonly #waitingLimit: number;
  readonly #waitLimitMs: number;
  readonly #waiters = new Set<Waiter>();
  #isBusy = false;

  constructor({
    waitingLimit = defaultWaitingLimit,
    waitLimitMs = defaultWaitLimitMs,
  }: PasswordHashingOptions = {}) {
    this.#waitingLimit = waitingLimit;
    this.#waitLimitMs = waitLimitMs;
  }

  /**
   * Whether the password is the one of the hash; null when too many others wait. A no takes as long as a hash of
   * `highestCost` does, whatever the hash costs, and also where there is none: so it does not tell whether there is
   * such a user.
   */
  async matches(
    password: Buffer,
    hash: PasswordHash | null,
    highestCost: number,
  ): Promise<boolean | null> {
    if (!(await this.#turn())) return null;
    try {
      if (hash !== null && (await compare(password, hash.text))) return true;
      for (const cost of missingCosts(hash, highestCost))
        await compare(password, nobodysHash(cost));
      return false;
    } finally {
      this.#next();
    }
  }

  #turn(): Promise<boolean> {
    if (!this.#isBusy) {
      this.#isBusy = true;
      return Promise.resolve(true);
    }
    if (this.#waiters.size >= this.#waitingLimit) return Promise.resolve(false);
    return new Promise((resolve) => {
      const waiter: Waiter = (isTurn) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(isTurn);
      };
      const timer = setTimeout(() => waiter(false), this.#waitLimitMs).unref();
      this.#waiters.add(waiter);
    });
  }

  #next(): void {
    const [waiter] = this.#waiters;
    if (waiter) waiter(true);
    else this.#isBusy = false;
  }
}

/** With which hashes one that was wrong adds up to the highest cost: 2^8 + 2^8 + 2^9 = 2^10. */
function missingCosts(hash: PasswordHash | null, highestCost: number): number[] {
  if (hash === null) return [highestCost];
  return Array.from({ length: highestCost - hash.cost }, (_, at) => hash.cost + at);
}

/** A hash that no password is known for. */
function nobodysHash(cost: number): string {
  return `$2b$${String(cost).padStart(2, "0")}$${".".repeat(53)}`;
}
