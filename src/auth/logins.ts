import { hash } from "node:crypto";
import type { LoginFiles } from "../config/config.ts";
import { Lookout } from "../config/files/followed-files.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { SingleFlight } from "../upstream/single-flight.ts";
import { FailureLimit } from "./failure-limit.ts";
import { FollowedLogins, type LoginBook } from "./followed-logins.ts";
import { type Accepted, LoginMemory } from "./login-memory.ts";
import type { PasswordHashing } from "./password-hashing.ts";
import { type PresentedLogin, parseLogin, passwordFault } from "./presented-login.ts";

/** What came of a login. Nothing in it is secret; `user` is a name that is in the files. */
export type LoginCheck =
  | { readonly kind: "user"; readonly name: string }
  /** Says nobody, in the way of clients that have no login. */
  | { readonly kind: "nobody" }
  /** No such user, not the password, or not readable: which of them is not told. `why` is what any client may know. */
  | { readonly kind: "wrong"; readonly why: string | null }
  /** Too many logins from this address were wrong. */
  | { readonly kind: "limited"; readonly retryAfterMs: number }
  /** Too many logins at once. */
  | { readonly kind: "busy" }
  /** A file of logins cannot be used, so nobody can log in. */
  | { readonly kind: "closed" };

export interface LoginsOptions {
  /** The listener's part of the configuration: `server` or `admin`. */
  readonly listener: string;
  readonly files: LoginFiles;
  /** The same one for the whole process. */
  readonly hashing: PasswordHashing;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly monotonicMs: () => number;
}

// So long after the file has changed who was removed may still log in. Who was added can at once.
const lookMs = 2_000;

/** The logins of a listener: who they are, in files that are followed; and whether what a caller sends is one of them. */
export class Logins implements Disposable {
  readonly #options: LoginsOptions;
  readonly #followed: FollowedLogins;
  readonly #lookout: Lookout;
  readonly #memory: LoginMemory;
  readonly #limit: FailureLimit;
  readonly #running = new SingleFlight<LoginCheck>();
  /** null while a file cannot be used: nobody can log in then. */
  #book: LoginBook | null = null;

  /** Begins to read the files; until that is done nobody is let in, but waits. */
  constructor(options: LoginsOptions) {
    this.#options = options;
    this.#followed = new FollowedLogins(options.files);
    this.#lookout = new Lookout(lookMs, () => this.#look());
    this.#memory = new LoginMemory(options.monotonicMs);
    this.#limit = new FailureLimit(options.monotonicMs);
    options.metrics.beginLogins(options.listener);
    void this.#lookout.look();
  }

  /** Looks at the files now, whatever their times say. */
  async lookAgain(): Promise<void> {
    this.#followed.forget();
    await this.#lookout.look();
  }

  /** Whose login it is, if it was right within the last minutes; else null: `check` finds out. Takes microseconds. */
  known(header: string): Accepted | null {
    return this.#memory.accepted(this.#memory.keyOf(header)) ?? null;
  }

  /**
   * Who the caller at `address` is by its `Authorization` header. Takes microseconds for a login that was right within the
   * last minutes, and otherwise as long as hashing does; it never takes longer than the wait of `PasswordHashing` and that.
   */
  async check(header: string, address: string | undefined): Promise<LoginCheck> {
    const key = this.#memory.keyOf(header);
    const known = this.#memory.accepted(key);
    if (known) return known;
    const login = parseLogin(header);
    if (login.kind === "empty") return { kind: "nobody" };
    const check = await this.#checkAnew(key, login, address);
    if (check.kind !== "user") {
      const { metrics, listener } = this.#options;
      metrics.authenticationFailures.inc({ listener, reason: check.kind });
    }
    return check;
  }

  [Symbol.dispose](): void {
    this.#lookout[Symbol.dispose]();
  }

  async #checkAnew(
    key: string,
    login: UsableLogin | UnreadableLogin,
    address: string | undefined,
  ): Promise<LoginCheck> {
    // Who would be refused by what the files said may be let in by what they say.
    await this.#lookout.look();
    if (this.#book === null) return { kind: "closed" };
    if (login.kind === "unreadable") return unreadable;
    const book = this.#book;
    const refused = this.#memory.refused(key);
    if (refused) return refused;
    // One login from many connections at once is one; after a change of the files it is another.
    return await this.#running.run(`${book.version} ${key}`, async () => {
      const check = await this.#judge(login, book, address);
      if (this.#book === book && (check.kind === "user" || check.kind === "wrong"))
        this.#memory.note(key, check);
      return check;
    }).result;
  }

  async #judge(
    login: UsableLogin,
    book: LoginBook,
    address: string | undefined,
  ): Promise<LoginCheck> {
    const retryAfterMs = this.#limit.take(address);
    if (retryAfterMs > 0) return { kind: "limited", retryAfterMs };
    const check = await this.#compare(login, book);
    if (check.kind !== "wrong") this.#limit.giveBack(address);
    return check;
  }

  async #compare(login: UsableLogin, book: LoginBook): Promise<LoginCheck> {
    const owner = book.tokens.get(hash("sha256", login.secret, "hex"));
    if (owner !== undefined && (login.kind === "bearer" || login.name === owner))
      return { kind: "user", name: owner };
    if (login.kind === "bearer" || book.users.size === 0) return { kind: "wrong", why: null };
    const why = passwordFault(login.secret);
    if (why !== null) return { kind: "wrong", why };
    const own = book.users.get(login.name) ?? null;
    const { hashing } = this.#options;
    const isRight = await hashing.matches(login.secret, own, book.highestCost);
    if (isRight === null) return { kind: "busy" };
    return isRight ? { kind: "user", name: login.name } : { kind: "wrong", why: null };
  }

  async #look(): Promise<void> {
    const look = await this.#followed.look();
    if (look === null) return;
    const { log, listener } = this.#options;
    this.#memory.forget();
    this.#book = look.kind === "book" ? look : null;
    if (look.kind === "unusable") {
      const problem = look.message;
      log.error({ listener, problem }, "nobody can log in until a file of logins is mended");
      return;
    }
    log.info({ listener, users: look.users.size, tokens: look.tokens.size }, "logins were read");
  }
}

type UsableLogin = Extract<PresentedLogin, { readonly secret: Buffer }>;
type UnreadableLogin = Extract<PresentedLogin, { kind: "unreadable" }>;

const unreadable: LoginCheck = {
  kind: "wrong",
  why: "the Authorization header is neither Basic with a name and a password nor Bearer with a token",
};
