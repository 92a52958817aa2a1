import { isIPv4, isIPv6 } from "node:net";

/** Where to listen, as `server.listen` of Node takes it. */
export interface ListenAddress {
  /** An address (IPv6 without brackets) or a name; "" is every interface, IPv6 and IPv4. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** `HOST:PORT`, IPv6 in brackets, or `:PORT`. What the parts may be is for `parseListenAddress`. */
export const listenPattern: RegExp = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]*)):([0-9]{1,5})$/;

const largestPort = 65_535;

export function parseListenAddress(text: string): ListenAddress | null {
  const [, bracketed, bare = "", digits] = listenPattern.exec(text) ?? [];
  const port = Number(digits ?? Number.NaN);
  if (!(port <= largestPort)) return null;
  if (bracketed !== undefined) return isIPv6(bracketed) ? { host: bracketed, port } : null;
  return bare === "" || isIPv4(bare) || isName(bare) ? { host: bare, port } : null;
}

export function formatListenAddress({ host, port }: ListenAddress): string {
  if (host === "") return `every interface, port ${port}`;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether no two sockets can listen at both. Names are not looked up. */
export function overlaps(one: ListenAddress, other: ListenAddress): boolean {
  if (one.port === 0 || one.port !== other.port) return false;
  return one.host === other.host || covers(one.host, other.host) || covers(other.host, one.host);
}

// The last label of a name is never a number; what looks like one is an address with a slip in it.
const namePattern = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z](?:[a-z0-9-]*[a-z0-9])?$/i;

function isName(text: string): boolean {
  return namePattern.test(text);
}

function covers(wildcard: string, host: string): boolean {
  if (wildcard === "" || wildcard === "::") return true;
  return wildcard === "0.0.0.0" && !host.includes(":");
}
