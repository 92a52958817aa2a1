/** What shows a registry who asks. */
export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** What `docker login` is given by some registries in exchange for a password; token servers alone take it. */
  | { readonly kind: "identity-token"; readonly token: string };

/** Where the credentials for one upstream come from. Disposing it ends whatever it has running. */
export interface CredentialSource extends Disposable {
  /** As they are now; null if there are none, so that upstream is asked as by anybody. Rejects with NoCredentials. */
  credentials(): Promise<Credentials | null>;
  /** Upstream has refused what was given last: the next call finds out whether it has changed. */
  renew(): void;
}

/** Credentials that are configured and cannot be had. The message names the file or program, and no secret. */
export class NoCredentials extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "NoCredentials";
  }
}

/** The value of an `Authorization` header (RFC 7617). */
export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}
