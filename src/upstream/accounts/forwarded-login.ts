import { createHmac, randomBytes } from "node:crypto";
import type { Credentials } from "../credentials/credentials.ts";

/**
 * Who asks the mirror for what their own right upstream decides on (`access: forward`). Its credentials go to the endpoints
 * of that upstream and to their token servers, are never stored, and are not in what is printed of it.
 */
export class ForwardedLogin {
  /** Tells callers apart, and nothing of their credentials. */
  readonly mark: string;
  readonly #credentials: Credentials | null;

  constructor(mark: string, credentials: Credentials | null) {
    this.mark = mark;
    this.#credentials = credentials;
  }

  /** null: nobody in particular. */
  get credentials(): Credentials | null {
    return this.#credentials;
  }
}

/** Who presents nothing. */
export const nobody: ForwardedLogin = new ForwardedLogin("nobody", null);

/** ForwardedLogins by what they present. Marks are of this process: those of another one say nothing here. */
export class ForwardedLogins {
  readonly #secret = randomBytes(32);

  of(credentials: Credentials | null): ForwardedLogin {
    if (credentials === null) return nobody;
    const text = JSON.stringify(credentials);
    return new ForwardedLogin(
      createHmac("sha256", this.#secret).update(text).digest("base64"),
      credentials,
    );
  }
}
