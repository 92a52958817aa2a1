import { isIP } from "node:net";

// What one site or one subscriber usually has (RFC 6177 for the latter).
const groupsKept = 4;

/**
 * The network of a client's address: a /24 of IPv4, a /64 of IPv6, as `192.0.2.0/24`. "unknown" for what is no address, such as
 * that of a connection that has ended.
 */
export function clientNetwork(address: string | undefined): string {
  const [withoutZone = ""] = address?.split("%", 1) ?? [];
  const plain = withoutZone.replace(/^::ffff:(?=\d+\.)/i, "");
  switch (isIP(plain)) {
    case 4:
      return `${plain.slice(0, plain.lastIndexOf("."))}.0/24`;
    case 6:
      return `${firstGroups(plain)}::/64`;
    default:
      return "unknown";
  }
}

/** Without zeros at their end, which `::` stands for. */
function firstGroups(address: string): string {
  const [head = "", tail = ""] = address.split("::");
  const before = groupsIn(head);
  const after = address.includes("::") ? groupsIn(tail) : [];
  const zeros = new Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0);
  const kept = [...before, ...zeros, ...after].slice(0, groupsKept);
  while (kept.at(-1) === 0) kept.pop();
  return kept.map((group) => group.toString(16)).join(":");
}

/** An IPv4 address at the end takes the room of two. */
function groupsIn(text: string): number[] {
  if (text === "") return [];
  return text
    .split(":")
    .flatMap((group) => (group.includes(".") ? [0, 0] : [Number.parseInt(group, 16)]));
}
