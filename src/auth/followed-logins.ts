import type { LoginFiles } from "../config/config.ts";
import { FollowedFiles } from "../config/files/followed-files.ts";
import type { PasswordHash } from "../config/files/htpasswd.ts";
import {
  htpasswdIn,
  readLoginFile,
  tokensIn,
  type UnusableLogins,
} from "../config/files/login-files.ts";

/** Everybody who can log in. */
export interface LoginBook {
  readonly kind: "book";
  /** Another number for each reading of the files. */
  readonly version: number;
  readonly users: ReadonlyMap<string, PasswordHash>;
  /** The highest of a user's hash; 0 if there are none. */
  readonly highestCost: number;
  /** Whose tokens they are, by their SHA-256 in lower-case hex. */
  readonly tokens: ReadonlyMap<string, string>;
}

/** Who can log in as the files say now. */
export class FollowedLogins {
  readonly #htpasswd: FollowedFiles<readonly [string], ReturnType<typeof htpasswdIn>> | null;
  readonly #tokens: FollowedFiles<readonly [string], ReturnType<typeof tokensIn>> | null;
  #htpasswdNow: ReturnType<typeof htpasswdIn> = { kind: "users", users: new Map() };
  #tokensNow: ReturnType<typeof tokensIn> = { kind: "tokens", names: new Map() };
  #version = 0;
  #problem: string | null = null;

  constructor({ htpasswdFile, tokensFile }: LoginFiles) {
    this.#htpasswd = htpasswdFile === null ? null : followed(htpasswdFile, htpasswdIn);
    this.#tokens = tokensFile === null ? null : followed(tokensFile, tokensIn);
  }

  /** All of them, or why there are none; null if that is as it was. */
  async look(): Promise<LoginBook | UnusableLogins | null> {
    const [htpasswd, tokens] = await Promise.all([this.#htpasswd?.look(), this.#tokens?.look()]);
    if (!htpasswd && !tokens) return null;
    this.#htpasswdNow = htpasswd ?? this.#htpasswdNow;
    this.#tokensNow = tokens ?? this.#tokensNow;
    const present = this.#present();
    // A file that cannot be read is as new each time.
    const problem = present.kind === "unusable" ? present.message : null;
    if (problem !== null && problem === this.#problem) return null;
    this.#problem = problem;
    return present;
  }

  forget(): void {
    this.#htpasswd?.forget();
    this.#tokens?.forget();
  }

  #present(): LoginBook | UnusableLogins {
    if (this.#htpasswdNow.kind === "unusable") return this.#htpasswdNow;
    if (this.#tokensNow.kind === "unusable") return this.#tokensNow;
    const { users } = this.#htpasswdNow;
    const highestCost = Math.max(0, ...users.values().map(({ cost }) => cost));
    const tokens = this.#tokensNow.names;
    return { kind: "book", version: ++this.#version, users, highestCost, tokens };
  }
}

function followed<Judged>(
  path: string,
  judge: (path: string, file: Awaited<ReturnType<typeof readLoginFile>>) => Judged,
): FollowedFiles<readonly [string], Judged> {
  return new FollowedFiles({
    paths: [path],
    read: readLoginFile,
    judge: ([file]) => judge(path, file),
  });
}
