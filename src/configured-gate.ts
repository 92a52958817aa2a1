import { AccessRules } from "./auth/access-rules.ts";
import { Gate } from "./auth/gate.ts";
import { Logins, type LoginsOptions } from "./auth/logins.ts";
import type { LoginFiles, ServerConfig } from "./config/config.ts";

/** The gate of the registry listener as the configuration says, also another one later. */
export class ConfiguredGate implements Disposable {
  readonly #tools: Omit<LoginsOptions, "files">;
  #files: LoginFiles | null = null;
  #logins: Logins | null = null;
  #present: Gate;

  constructor(tools: Omit<LoginsOptions, "files">, server: ServerConfig) {
    this.#tools = tools;
    this.#present = this.#build(server);
  }

  get present(): Gate {
    return this.#present;
  }

  /** Takes effect with the next request. Files that are the same are read again. */
  configure(server: ServerConfig): void {
    this.#present = this.#build(server);
  }

  [Symbol.dispose](): void {
    this.#logins?.[Symbol.dispose]();
  }

  #build(server: ServerConfig): Gate {
    const { auth } = server;
    if (this.#logins !== null && isSame(auth, this.#files)) {
      // What comes of it is in the log.
      void this.#logins.lookAgain();
    } else {
      this.#logins?.[Symbol.dispose]();
      this.#logins = auth && new Logins({ ...this.#tools, files: auth });
      this.#files = auth;
    }
    return new Gate(this.#logins, new AccessRules(server));
  }
}

function isSame(one: LoginFiles | null, other: LoginFiles | null): boolean {
  return one?.htpasswdFile === other?.htpasswdFile && one?.tokensFile === other?.tokensFile;
}
