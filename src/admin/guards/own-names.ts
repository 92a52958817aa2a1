import { isIP } from "node:net";
import type { MiddlewareHandler } from "hono";
import { isLoopbackName } from "../../config/loopback.ts";

/**
 * Answers those only who have come by an address or a name of this machine. A page of a stranger can have a name of its
 * own led to our address (DNS rebinding), and is then of one origin with us as far as the browser knows; but it cannot
 * choose another name for it. `isOwn` is asked for names, in lower case and without a port.
 */
export function ownNamesOnly(isOwn: (name: string) => boolean): MiddlewareHandler {
  return async ({ req, json }, next) => {
    const name = nameIn(req.header("host"));
    if (isAddress(name) || isLoopbackName(name) || isOwn(name)) return await next();
    const error = `this mirror is not known as ${JSON.stringify(name)}; if that is its name, list it in admin.hosts`;
    return json({ error }, 421);
  };
}

/** The name in a `Host` header, or the address without its brackets. */
export function nameIn(host = ""): string {
  const [, bracketed, bare = ""] =
    /^(?:\[([0-9a-f:.]*)\]|([^:]*))(?::\d*)?$/.exec(host.toLowerCase()) ?? [];
  return bracketed ?? bare.replace(/\.$/, "");
}

function isAddress(name: string): boolean {
  return isIP(name) !== 0;
}
