import type { Logins } from "../../auth/logins.ts";

/** By which way the admin API is asked, which says who may change something. */
export type AdminAccess =
  /** By one that only our own user has, such as the control socket: `by` names it in the log. */
  { readonly kind: "own"; readonly by: string } | AddressAccess;

/** At an address, where anybody may come who reaches it, and browsers with pages of anybody's. */
export interface AddressAccess {
  readonly kind: "address";
  /** Whether the machine is known by a name, in lower case and without a port. */
  readonly isOwnName: (name: string) => boolean;
  /** Who can log in, at the moment; null: nobody, and nobody need. */
  readonly logins: () => Logins | null;
}
