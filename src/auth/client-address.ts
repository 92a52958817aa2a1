import { isIP } from "node:net";
import type { Networks } from "../config/network.ts";

/**
 * Where a request comes from: the address of the connection, or, if that is a trusted proxy's, the one that it adds to
 * `X-Forwarded-For`. Proxies add on the right, and what stands left of the first that is not trusted anybody may have
 * written; what is no address ends the search as if the proxy had said nothing.
 */
export function clientAddress(
  connection: string | undefined,
  forwardedFor: string | undefined,
  trusted: Networks,
): string | undefined {
  if (connection === undefined || forwardedFor === undefined) return connection;
  let address = connection;
  const said = forwardedFor.split(",").reverse();
  for (const hop of said) {
    if (!trusted.has(address)) break;
    const before = addressIn(hop.trim());
    if (before === null) break;
    address = before;
  }
  return address;
}

/** Some proxies write the port too: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function addressIn(hop: string): string | null {
  const [, ipv4, bracketed] =
    /^(?:([0-9.]{7,15})(?::[0-9]{1,5})?|\[([0-9A-Fa-f:.]{2,45})\](?::[0-9]{1,5})?)$/.exec(hop) ??
    [];
  const address = ipv4 ?? bracketed ?? hop;
  // Without the zone that an address of this machine's own links may have.
  return isIP(address) !== 0 && !address.includes("%") ? address : null;
}
