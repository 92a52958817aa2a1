import type { CredentialSource, Credentials } from "./credentials.ts";

/** Credentials that are what they are, until the next configuration for example. */
export class FixedCredentials implements CredentialSource {
  readonly #credentials: Credentials;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  async credentials(): Promise<Credentials> {
    return this.#credentials;
  }

  renew(): void {}

  [Symbol.dispose](): void {}
}
