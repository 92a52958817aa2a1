import assert from "node:assert/strict";
import { test } from "node:test";
import { clientAddress } from "../../src/auth/client-address.ts";
import { type Network, Networks, parseNetwork } from "../../src/config/network.ts";

function networks(...texts: readonly string[]): Networks {
  return new Networks(
    texts.map((text) => parseNetwork(text)).filter((one): one is Network => one !== null),
  );
}

const trusted = networks("10.0.0.0/8", "fd00::/8");

const cases: readonly (readonly [
  what: string,
  connection: string | undefined,
  forwardedFor: string | undefined,
  address: string | undefined,
])[] = [
  ["nobody forwards", "192.0.2.1", undefined, "192.0.2.1"],
  ["a stranger says that it forwards", "192.0.2.1", "203.0.113.5", "192.0.2.1"],
  ["a trusted proxy forwards", "10.0.0.1", "203.0.113.5", "203.0.113.5"],
  ["a proxy on a socket for both families", "::ffff:10.0.0.1", "203.0.113.5", "203.0.113.5"],
  ["a proxy forwards by IPv6", "fd00::1", "2001:db8::7", "2001:db8::7"],
  ["two trusted proxies in a row", "10.0.0.1", "203.0.113.5, 10.2.3.4", "203.0.113.5"],
  ["a client has written one before", "10.0.0.1", "198.51.100.9, 203.0.113.5", "203.0.113.5"],
  [
    "a client pretends to be a proxy",
    "10.0.0.1",
    "198.51.100.9,10.9.9.9,203.0.113.5",
    "203.0.113.5",
  ],
  ["all are trusted", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
  ["with a port", "10.0.0.1", "203.0.113.5:4711", "203.0.113.5"],
  ["with a port, in brackets", "10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"],
  ["in brackets alone", "10.0.0.1", " [2001:db8::7] ", "2001:db8::7"],
  ["nothing", "10.0.0.1", "", "10.0.0.1"],
  ["unknown", "10.0.0.1", "unknown", "10.0.0.1"],
  ["an address and junk behind it", "10.0.0.1", "203.0.113.5, <script>", "10.0.0.1"],
  ["junk before an address", "10.0.0.1", "\u0000\u001b[31m, 10.0.0.2", "10.0.0.2"],
  ["a zone", "10.0.0.1", "fe80::1%eth0", "10.0.0.1"],
  ["commas without end", "10.0.0.1", ",".repeat(16_000), "10.0.0.1"],
  ["a connection that has ended", undefined, "203.0.113.5", undefined],
];

for (const [what, connection, forwardedFor, address] of cases) {
  test(`where a request comes from: ${what}`, () => {
    assert.equal(clientAddress(connection, forwardedFor, trusted), address);
  });
}

test("without trusted proxies nobody's word is taken", () => {
  assert.equal(clientAddress("10.0.0.1", "203.0.113.5", networks()), "10.0.0.1");
});
