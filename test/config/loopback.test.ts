import assert from "node:assert/strict";
import { test } from "node:test";
import { isLoopbackAddress, isLoopbackName } from "../../src/config/loopback.ts";

const ofThisMachine = [
  "127.0.0.1",
  "127.255.0.9",
  "::1",
  "0:0:0:0:0:0:0:1",
  "::ffff:127.0.0.1",
  "::FFFF:7f00:1",
];

const ofOthers = [
  "",
  "0.0.0.0",
  "::",
  "10.0.0.1",
  "128.127.0.1",
  "::127.0.0.1",
  "::ffff:10.0.0.1",
  "127.1",
];

const namesOfOthers = [
  "127.0.0.1.example.com",
  "127.example.com",
  "localhost.example.com",
  "mirror",
];

test("an address is of this machine alone however a socket or a person writes it", () => {
  for (const address of ofThisMachine) assert.ok(isLoopbackAddress(address), address);
  for (const address of [...ofOthers, ...namesOfOthers, "localhost"])
    assert.ok(!isLoopbackAddress(address), address);
});

test("this machine alone is meant by such an address and by localhost, and by no other name", () => {
  for (const name of [...ofThisMachine, "localhost", "LOCALHOST"])
    assert.ok(isLoopbackName(name), name);
  for (const name of [...ofOthers, ...namesOfOthers]) assert.ok(!isLoopbackName(name), name);
});
