import type { Repository } from "../oci/repository.ts";

/** Where in an upstream a request looks, and how it came here. */
export interface Place {
  readonly repository: Repository;
  /** The `CDN-Loop` header (RFC 8586) to ask with: the mirrors on the way, this one included; "" for none. */
  readonly via: string;
}

/** Whether a mirror asks for it, and not a client. */
export function cameThroughMirror({ via }: Place): boolean {
  return via.includes(",");
}
