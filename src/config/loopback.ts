import { Networks } from "./network.ts";

const loopback = new Networks([
  { address: "127.0.0.0", prefixBits: 8, family: "ipv4" },
  { address: "::1", prefixBits: 128, family: "ipv6" },
]);

/** Whether it is an address of this machine alone, also as a socket for both families tells it: `::ffff:127.0.0.1`. */
export function isLoopbackAddress(address: string): boolean {
  return loopback.has(address);
}

/** Whether only this machine can mean itself by a name or an address. Names but `localhost` are not looked up. */
export function isLoopbackName(name: string): boolean {
  return name.toLowerCase() === "localhost" || isLoopbackAddress(name);
}
