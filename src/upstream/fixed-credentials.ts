import type { CredentialSource, Credentials } from "./credentials.ts";

/** A user and a password that are what they are until the next configuration. */
export class FixedCredentials implements CredentialSource {
  readonly #credentials: Credentials;

  constructor(username: string, password: string) {
    this.#credentials = { kind: "password", username, password };
  }

  async credentials(): Promise<Credentials> {
    return this.#credentials;
  }

  renew(): void {}

  [Symbol.dispose](): void {}
}
