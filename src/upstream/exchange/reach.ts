import { BlockList, isIP } from "node:net";

/** How far an address reaches: what rule out redirects into the operator's own network is built on. */
export type Reach = "public" | "private" | "link-local" | "loopback";

type Subnet = readonly [network: string, prefixBits: number];

// IANA's special-purpose address registries. An address "this host" or multicast is no place for a
// registry either, so it counts with loopback, as does what is left of IPv4-compatible IPv6. IPv4 in IPv6 (NAT64, 6to4) may lead anywhere: private.
const loopbackSubnets: readonly Subnet[] = [
  ["0.0.0.0", 8],
  ["127.0.0.0", 8],
  ["224.0.0.0", 3],
  ["::", 96],
  ["ff00::", 8],
];
const linkLocalSubnets: readonly Subnet[] = [
  ["169.254.0.0", 16],
  ["fe80::", 10],
  // The metadata service of AWS over IPv6.
  ["fd00:ec2::", 32],
];
const privateSubnets: readonly Subnet[] = [
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["2002::", 16],
  ["fc00::", 7],
  ["fec0::", 10],
];

const lists: readonly (readonly [Reach, BlockList])[] = [
  ["loopback", blockListOf(loopbackSubnets)],
  ["link-local", blockListOf(linkLocalSubnets)],
  ["private", blockListOf(privateSubnets)],
];

/** The reach of an IP address as text; IPv4-mapped IPv6 counts as its IPv4 address. */
export function reachOf(address: string): Reach {
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  return lists.find(([, list]) => list.check(address, family))?.[0] ?? "public";
}

/** The address a URL's host is, brackets removed; null if it is a name. */
export function literalAddress(url: URL): string | null {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return isIP(host) === 0 ? null : host;
}

function blockListOf(subnets: readonly Subnet[]): BlockList {
  const list = new BlockList();
  for (const [network, prefixBits] of subnets) {
    list.addSubnet(network, prefixBits, isIP(network) === 6 ? "ipv6" : "ipv4");
  }
  return list;
}
