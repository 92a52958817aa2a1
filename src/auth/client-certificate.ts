import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { groups, isName } from "../config/files/login-lines.ts";

/** What a client has shown of itself when its connection began. */
export type ShownCertificate =
  | { readonly kind: "none" }
  | { readonly kind: "user"; readonly name: string }
  /** `reason` is a sentence without its end. */
  | { readonly kind: "refused"; readonly reason: string };

/** The user whom the client certificate of a connection names: its subject's CN, of an authority that is believed. */
export function shownCertificate(socket: Socket): ShownCertificate {
  if (!(socket instanceof TLSSocket)) return { kind: "none" };
  const { subject } = socket.getPeerCertificate() ?? {};
  if (subject === undefined) return { kind: "none" };
  // Of a later handshake on the same connection Node tells the certificate, and what is wrong with it, but leaves
  // `authorized` as it was.
  if (!socket.authorized || socket.authorizationError) {
    const why = String(socket.authorizationError);
    return { kind: "refused", reason: `your client certificate is not believed (${why})` };
  }
  return userOf(subject.CN);
}

/** Of several CNs each could be meant; and a group is nobody's name. */
function userOf(name: string | string[] | undefined): ShownCertificate {
  const isGroup = Object.values<unknown>(groups).includes(name);
  if (typeof name === "string" && isName(name) && !isGroup) return { kind: "user", name };
  return {
    kind: "refused",
    reason: "your client certificate has no CN that could be a user's name",
  };
}
