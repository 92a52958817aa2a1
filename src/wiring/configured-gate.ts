import { AccessRules } from "../auth/access-rules.ts";
import { Gate } from "../auth/gate.ts";
import type { LoginsOptions } from "../auth/logins.ts";
import type { ServerConfig } from "../config/config.ts";
import { ConfiguredLogins } from "./configured-logins.ts";

/** The gate of the registry listener as the configuration says, also another one later. */
export class ConfiguredGate implements Disposable {
  readonly #logins: ConfiguredLogins;
  #present: Gate;

  constructor(tools: Omit<LoginsOptions, "files">, server: ServerConfig) {
    this.#logins = new ConfiguredLogins(tools, server.auth);
    this.#present = this.#build(server);
  }

  get present(): Gate {
    return this.#present;
  }

  /** Takes effect with the next request. Files that are the same are read again. */
  configure(server: ServerConfig): void {
    this.#logins.configure(server.auth);
    this.#present = this.#build(server);
  }

  [Symbol.dispose](): void {
    this.#logins[Symbol.dispose]();
  }

  #build(server: ServerConfig): Gate {
    return new Gate(this.#logins.present, new AccessRules(server), server);
  }
}
