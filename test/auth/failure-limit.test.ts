import assert from "node:assert/strict";
import { test } from "node:test";
import { FailureLimit } from "../../src/auth/failure-limit.ts";

test("an address may have thirty wrong logins at once, then one every two seconds", () => {
  let nowMs = 0;
  const limit = new FailureLimit(() => nowMs);

  const taken = Array.from({ length: 31 }, () => limit.take("192.0.2.1"));
  assert.deepEqual(taken, [...Array.from({ length: 30 }, () => 0), 2_000]);
  nowMs += 1_500;
  assert.equal(limit.take("192.0.2.1"), 500);
  nowMs += 500;
  assert.equal(limit.take("192.0.2.1"), 0);
  assert.equal(limit.take("192.0.2.1"), 2_000);
});

test("a login that turns out right counts for nothing, and no address saves up more than thirty wrong ones", () => {
  let nowMs = 0;
  const limit = new FailureLimit(() => nowMs);

  for (let at = 0; at < 1_000; at++) {
    assert.equal(limit.take("192.0.2.1"), 0);
    limit.giveBack("192.0.2.1");
  }
  nowMs += 3_600_000;
  limit.giveBack("192.0.2.1");
  for (let at = 0; at < 30; at++) assert.equal(limit.take("192.0.2.1"), 0);
  assert.ok(limit.take("192.0.2.1") > 0);
});

test("addresses count apart, but for those of one IPv6 network, and IPv4 written as IPv6", () => {
  const same: readonly (readonly [string, string])[] = [
    ["192.0.2.1", "::ffff:192.0.2.1"],
    ["2001:db8::1", "2001:db8::ffff:2"],
    ["2001:db8:0:0:1:2:3:4", "2001:db8::1"],
    ["fd00:1:2:3:4:5:6:7", "fd00:1:2:3::1"],
  ];
  const apart: readonly (readonly [string, string])[] = [
    ["192.0.2.1", "192.0.2.2"],
    ["2001:db8:0:1::1", "2001:db8:0:2::1"],
    ["fd00:1:2:3::1", "fd00:1:2:4::1"],
    ["::1", "1::"],
  ];
  const isSame = ([one, other]: readonly [string, string]): boolean => {
    const limit = new FailureLimit(() => 0);
    for (let at = 0; at < 30; at++) limit.take(one);
    return limit.take(other) > 0;
  };

  for (const pair of same) assert.ok(isSame(pair), pair.join(" "));
  for (const pair of apart) assert.ok(!isSame(pair), pair.join(" "));
});

test("callers without an address count together", () => {
  const limit = new FailureLimit(() => 0);

  for (let at = 0; at < 30; at++) assert.equal(limit.take(undefined), 0);
  assert.ok(limit.take(undefined) > 0);
});
