import assert from "node:assert/strict";
import { test } from "node:test";
import { clientGroup } from "../../src/config/client-group.ts";
import { usualConnections } from "../../src/listeners/usual-connections.ts";

test("connections of a client are counted by its IPv4 address, or by the /64 of its IPv6 address", () => {
  const table: readonly (readonly [address: string, group: string])[] = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::6", "2001:db8:1:2::/64"],
    ["2001:db8::6", "2001:db8:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
  ];
  for (const [address, group] of table) assert.equal(clientGroup(address), group, address);
});

test("clients have as many connections by default as there are descriptors for, 10,000 at most", () => {
  const table: readonly (readonly [limit: number | null, connections: number])[] = [
    [64, 16],
    [128, 16],
    [1_024, 309],
    [4_096, 1_333],
    [65_536, 10_000],
    [null, 10_000],
  ];
  for (const [limit, connections] of table) {
    assert.equal(usualConnections(limit), connections, `${limit}`);
  }
});
