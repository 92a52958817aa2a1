import { createHmac, randomBytes } from "node:crypto";
import type { Credentials } from "../credentials/credentials.ts";
import type { Guesses } from "./login-trial.ts";

/**
 * Who asks the mirror for what their own right upstream decides on (`access: forward`). Its credentials go to the endpoints
 * of that upstream and to their token servers, are never stored, and are not in what is printed of it.
 */
export class ForwardedLogin {
  /** Tells callers apart, and nothing of their credentials. */
  readonly mark: string;
  readonly #credentials: Credentials | null;
  readonly #guesses: Guesses | null;

  constructor(mark: string, credentials: Credentials | null, guesses: Guesses | null) {
    this.mark = mark;
    this.#credentials = credentials;
    this.#guesses = guesses;
  }

  /** null: nobody in particular. */
  get credentials(): Credentials | null {
    return this.#credentials;
  }

  /** What it costs to try whether they are right; null where there is nothing to guess. */
  get guesses(): Guesses | null {
    return this.#guesses;
  }
}

/** Who presents nothing. */
export const nobody: ForwardedLogin = new ForwardedLogin("nobody", null, null);

/** ForwardedLogins by what they present. Marks are of this process: those of another one say nothing here. */
export class ForwardedLogins {
  readonly #secret = randomBytes(32);

  of(credentials: Credentials, guesses: Guesses): ForwardedLogin {
    const text = JSON.stringify(credentials);
    const mark = createHmac("sha256", this.#secret).update(text).digest("base64");
    return new ForwardedLogin(mark, credentials, guesses);
  }
}
