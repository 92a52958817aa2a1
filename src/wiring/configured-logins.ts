import { Logins, type LoginsOptions } from "../auth/logins.ts";
import type { LoginFiles } from "../config/config.ts";

/** The logins of a listener as the configuration says, also another one later. */
export class ConfiguredLogins implements Disposable {
  readonly #tools: Omit<LoginsOptions, "files">;
  #files: LoginFiles | null = null;
  #present: Logins | null = null;

  constructor(tools: Omit<LoginsOptions, "files">, files: LoginFiles | null) {
    this.#tools = tools;
    this.configure(files);
  }

  /** null: nobody can log in, and nobody need. */
  get present(): Logins | null {
    return this.#present;
  }

  /** Takes effect with the next request. Files that are the same are read again. */
  configure(files: LoginFiles | null): void {
    if (this.#present !== null && isSame(files, this.#files)) {
      // What comes of it is in the log.
      void this.#present.lookAgain();
      return;
    }
    this.#present?.[Symbol.dispose]();
    this.#present = files && new Logins({ ...this.#tools, files });
    this.#files = files;
  }

  [Symbol.dispose](): void {
    this.#present?.[Symbol.dispose]();
  }
}

function isSame(one: LoginFiles | null, other: LoginFiles | null): boolean {
  return one?.htpasswdFile === other?.htpasswdFile && one?.tokensFile === other?.tokensFile;
}
