import { BlockList, isIP } from "node:net";

/** An address, or all that begin with the same bits. */
export interface Network {
  readonly address: string;
  readonly prefixBits: number;
  readonly family: "ipv4" | "ipv6";
}

/** `ADDRESS/BITS` (RFC 4632), or an address alone. What the parts may be is for `parseNetwork`. */
export const networkPattern: RegExp = /^([0-9A-Fa-f:.]{2,45})(?:\/([0-9]{1,3}))?$/;

export function parseNetwork(text: string): Network | null {
  const [, address = "", digits] = networkPattern.exec(text) ?? [];
  const version = isIP(address);
  if (version === 0) return null;
  const addressBits = version === 4 ? 32 : 128;
  const prefixBits = digits === undefined ? addressBits : Number(digits);
  if (prefixBits > addressBits) return null;
  return { address, prefixBits, family: version === 4 ? "ipv4" : "ipv6" };
}

/** Some networks, and which addresses are in one of them. */
export class Networks {
  readonly #list = new BlockList();

  constructor(networks: readonly Network[]) {
    for (const { address, prefixBits, family } of networks)
      this.#list.addSubnet(address, prefixBits, family);
  }

  /** Takes an IPv4 address also as a socket for both families tells it, `::ffff:192.0.2.1`. */
  has(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.#list.check(address, version === 4 ? "ipv4" : "ipv6");
  }
}
