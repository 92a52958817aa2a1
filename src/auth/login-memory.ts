import { hash, randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { LoginCheck } from "./logins.ts";

export type Accepted = Extract<LoginCheck, { kind: "user" }>;
type Refused = Extract<LoginCheck, { kind: "wrong" }>;

// Every pull asks some ten times, and a hash of cost 10 takes 60 ms: with it five minutes are one hash a user.
const acceptedMs = 5 * 60_000;
// Clients with a wrong password repeat it; guessing costs a hash each all the same.
const refusedMs = 60_000;
// Of some 300 bytes each. Apart, so that who guesses pushes nobody out.
const acceptedLimit = 10_000;
const refusedLimit = 1_000;

/** What came of logins a short while ago. Holds no password: a keyed hash, of a key that nobody knows, is what it is found by. */
export class LoginMemory {
  readonly #key = randomBytes(32).toString("hex");
  readonly #accepted: LRUCache<string, Accepted>;
  readonly #refused: LRUCache<string, Refused>;

  constructor(monotonicMs: () => number) {
    const clock = { perf: { now: monotonicMs }, ttlResolution: 0 };
    this.#accepted = new LRUCache({ max: acceptedLimit, ttl: acceptedMs, ...clock });
    this.#refused = new LRUCache({ max: refusedLimit, ttl: refusedMs, ...clock });
  }

  /**
   * What the login is found by: a hash with the key before it. That need not be an HMAC, which is against those who see one
   * hash and want that of a longer text: nobody sees any. It takes a third of the time, and every pull needs one; and to
   * write it as hexadecimal digits would take as long as to make it.
   */
  keyOf(header: string): string {
    return hash("sha256", this.#key + header, "base64url");
  }

  accepted(key: string): Accepted | undefined {
    return this.#accepted.get(key);
  }

  refused(key: string): Refused | undefined {
    return this.#refused.get(key);
  }

  note(key: string, check: Accepted | Refused): void {
    if (check.kind === "user") this.#accepted.set(key, check);
    else this.#refused.set(key, check);
  }

  forget(): void {
    this.#accepted.clear();
    this.#refused.clear();
  }
}
