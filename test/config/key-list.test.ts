import assert from "node:assert/strict";
import { test } from "node:test";
import { explainedKeys } from "../../src/config/schema/key-list.ts";

const keys = explainedKeys();

test("keys in tables, in tables by name, in lists and in one of several ways to write are explained", () => {
  for (const path of [
    "server.listen",
    "upstreams.HOST.endpoints",
    "freshness.rules[].match",
    "upstreams.HOST.credentials.passwordFile",
  ]) {
    assert.ok(
      keys.some((key) => key.path === path),
      path,
    );
  }
  assert.equal(new Set(keys.map(({ path }) => path)).size, keys.length);
});

test("every key says what it means, and those with a value how it is written", () => {
  for (const { path, description, example } of keys) {
    assert.match(description, /^\S.*\.$/, path);
    const isTable = keys.some((other) => other.path.startsWith(`${path}.`));
    assert.ok(isTable || example !== null, path);
  }
});

test("defaults and examples of keys are written as in the file", () => {
  const ttl = keys.find(({ path }) => path === "freshness.ttl");

  assert.deepEqual([ttl?.byDefault, ttl?.example], ["1m", "5m"]);
});
