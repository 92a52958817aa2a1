import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatListenAddress,
  overlaps,
  parseListenAddress,
} from "../../src/config/listen-address.ts";

test("a listen address is host:port, with IPv6 in brackets", () => {
  const table: [string, string | null, number?][] = [
    ["0.0.0.0:5000", "0.0.0.0", 5000],
    ["127.0.0.1:0", "127.0.0.1", 0],
    [":5000", "", 5000],
    ["[::]:5000", "::", 5000],
    ["[::1]:65535", "::1", 65_535],
    ["localhost:5000", "localhost", 5000],
    ["Registry.lab-1.example:80", "Registry.lab-1.example", 80],
    ["5000", null],
    ["127.0.0.1", null],
    ["::1:5000", null],
    ["[::1]", null],
    ["[127.0.0.1]:5000", null],
    ["[]:5000", null],
    ["[::1%eth0]:5000", null],
    ["127.0.0.1:65536", null],
    ["127.0.0.1:-1", null],
    ["256.0.0.1:5000", null],
    ["10.1:5000", null],
    ["-a:5000", null],
    ["a b:5000", null],
    ["http://localhost:5000", null],
    ["", null],
  ];
  for (const [text, host, port] of table) {
    assert.deepEqual(parseListenAddress(text), host === null ? null : { host, port }, text);
  }
});

test("a listen address is written so that it can be read", () => {
  assert.equal(formatListenAddress({ host: "::1", port: 5000 }), "[::1]:5000");
  assert.equal(formatListenAddress({ host: "10.0.0.1", port: 5000 }), "10.0.0.1:5000");
  assert.equal(formatListenAddress({ host: "", port: 5000 }), "every interface, port 5000");
});

test("two addresses overlap if one socket would take the other's", () => {
  const table: [string, string, boolean][] = [
    ["127.0.0.1:5000", "127.0.0.1:5000", true],
    ["127.0.0.1:5000", "127.0.0.1:5001", false],
    ["127.0.0.1:5000", "127.0.0.2:5000", false],
    ["0.0.0.0:5000", "127.0.0.1:5000", true],
    ["127.0.0.1:5000", "0.0.0.0:5000", true],
    ["0.0.0.0:5000", "[::1]:5000", false],
    ["[::]:5000", "127.0.0.1:5000", true],
    [":5000", "[::1]:5000", true],
    [":0", ":0", false],
  ];
  for (const [one, other, expected] of table) {
    const [left, right] = [parseListenAddress(one), parseListenAddress(other)];
    assert.ok(left && right);
    assert.equal(overlaps(left, right), expected, `${one} and ${other}`);
  }
});
