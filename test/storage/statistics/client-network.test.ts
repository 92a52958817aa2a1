import assert from "node:assert/strict";
import { test } from "node:test";
import { clientNetwork } from "../../../src/storage/statistics/client-network.ts";

const networks: readonly (readonly [address: string | undefined, network: string])[] = [
  ["192.0.2.77", "192.0.2.0/24"],
  ["::ffff:192.0.2.77", "192.0.2.0/24"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:DB8::1", "2001:db8::/64"],
  ["2001:db8:0:7::1", "2001:db8:0:7::/64"],
  ["fe80::1%eth0", "fe80::/64"],
  ["::1", "::/64"],
  ["64:ff9b::192.0.2.1", "64:ff9b::/64"],
  ["1:2:3:4:5:6:192.0.2.1", "1:2:3:4::/64"],
  [undefined, "unknown"],
  ["not an address", "unknown"],
];

for (const [address, network] of networks) {
  test(`${address} is of the network ${network}`, () => {
    assert.equal(clientNetwork(address), network);
  });
}
