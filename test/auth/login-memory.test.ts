import assert from "node:assert/strict";
import { test } from "node:test";
import { LoginMemory } from "../../src/auth/login-memory.ts";

test("each login is remembered by a key of its own, which does not hold the login", () => {
  const memory = new LoginMemory(() => 0);
  const headers = [
    "",
    "Basic YTpi",
    "Basic YTpj",
    "Basic YTpi ",
    "ä€".repeat(100),
    "x".repeat(10_000),
  ];
  const keys = headers.map((header) => memory.keyOf(header));

  assert.equal(new Set(keys).size, headers.length);
  for (const key of keys) assert.match(key, /^[\w-]{43}$/);
  assert.deepEqual(
    headers.map((header) => memory.keyOf(header)),
    keys,
  );
});

test("two memories find the same login by different keys", () => {
  const clock = (): number => 0;

  assert.notEqual(new LoginMemory(clock).keyOf("same"), new LoginMemory(clock).keyOf("same"));
});

test("a login that was right is remembered for five minutes, one that was wrong for one", () => {
  let nowMs = 1_000;
  const memory = new LoginMemory(() => nowMs);
  memory.note("right", { kind: "user", name: "alice" });
  memory.note("wrong", { kind: "wrong", why: null });

  nowMs += 59_000;
  assert.ok(memory.accepted("right") && memory.refused("wrong"));
  nowMs += 2_000;
  assert.ok(memory.accepted("right") && !memory.refused("wrong"));
  nowMs += 240_000;
  assert.ok(!memory.accepted("right"));
});

test("however many wrong logins there are, none that was right is forgotten for them", () => {
  const memory = new LoginMemory(() => 0);
  memory.note("right", { kind: "user", name: "alice" });

  for (let at = 0; at < 50_000; at++) memory.note(`wrong ${at}`, { kind: "wrong", why: null });

  assert.ok(memory.accepted("right"));
  assert.ok(!memory.refused("wrong 0"));
});
