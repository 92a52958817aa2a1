import type { Context } from "hono";

/** The address that a request comes from; null where it has ended, or is none of a socket with addresses. */
export function clientOf({ env }: Context): string | null {
  return env.incoming.socket.remoteAddress ?? null;
}
