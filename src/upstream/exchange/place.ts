import type { Repository } from "../../oci/repository.ts";
import type { ForwardedLogin } from "../accounts/forwarded-login.ts";

/** Where in an upstream a request looks, and how it came here. */
export interface Place {
  readonly repository: Repository;
  /** The `CDN-Loop` header (RFC 8586) to ask with: the mirrors on the way, this one included; "" for none. */
  readonly via: string;
  /** Who asks, where their own right decides; null: whoever the configuration says. */
  readonly login: ForwardedLogin | null;
}

/** Of what no client asks. */
export const fromNowhere: Pick<Place, "via" | "login"> = { via: "", login: null };

/** What tells questions apart that are the same but for who asks: behind a key; "" where that is all the same. */
export function behalfOf({ login }: Pick<Place, "login">): string {
  return login === null ? "" : ` as ${login.mark}`;
}

/** Whether a mirror asks for it, and not a client. */
export function cameThroughMirror({ via }: Place): boolean {
  return via.includes(",");
}
