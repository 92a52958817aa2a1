/** What an `Authorization` header says, before anybody has looked whether it is right. Never to be logged or shown. */
export type PresentedLogin =
  | { readonly kind: "basic"; readonly name: string; readonly secret: Buffer }
  | { readonly kind: "bearer"; readonly secret: Buffer }
  /** Nobody: what clients send that have no login but were asked for one. */
  | { readonly kind: "empty" }
  | { readonly kind: "unreadable" };

/** Reads the credentials of RFC 7617 (Basic) and RFC 6750 (Bearer). */
export function parseLogin(header: string): PresentedLogin {
  const [, scheme = "", credentials = ""] =
    /^([A-Za-z]+) +([A-Za-z0-9+/._~-]+=*)$/.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case "basic":
      return basicIn(Buffer.from(credentials, "base64"));
    case "bearer":
      return { kind: "bearer", secret: Buffer.from(credentials, "latin1") };
    default:
      return { kind: "unreadable" };
  }
}

/** Why no password can be so: bcrypt reads 72 bytes and stops at a NUL, and others would then be right too. */
export function passwordFault(password: Buffer): string | null {
  if (password.length > 72) return "a password has at most 72 bytes";
  if (password.includes(0)) return "a password has no NUL";
  if (textIn(password) === null) return "a password is UTF-8";
  return null;
}

function basicIn(bytes: Buffer): PresentedLogin {
  const colon = bytes.indexOf(":");
  const name = colon < 0 ? null : textIn(bytes.subarray(0, colon));
  if (name === null) return { kind: "unreadable" };
  const secret = bytes.subarray(colon + 1);
  if (name === "" && secret.length === 0) return { kind: "empty" };
  return { kind: "basic", name, secret };
}

function textIn(bytes: Buffer): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // It says no more than that it is no UTF-8.
    return null;
  }
}
