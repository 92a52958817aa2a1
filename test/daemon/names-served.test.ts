import assert from "node:assert/strict";
import { test } from "node:test";
import { NamesServed } from "../../src/listeners/names-served.ts";

const served = new NamesServed([
  { names: ["mirror.example.com", "*.Example.com"], value: "first" },
  { names: ["other.example.com", "mirror.example.com", "lan"], value: "second" },
]);

const table: readonly (readonly [string, string | null])[] = [
  ["mirror.example.com", "first"],
  ["MIRROR.Example.COM", "first"],
  ["any.example.com", "first"],
  ["other.example.com", "second"],
  ["lan", "second"],
  ["a.b.example.com", null],
  ["example.com", null],
  ["*.example.com", null],
  ["", null],
  [".", null],
  [".example.com.", null],
  ["mirror.example.com\0.evil.test", null],
  ["mirror.example.com\0", null],
  ["\0\xff\u{10ffff}", null],
  ["__proto__", null],
  ["constructor", null],
  ["x".repeat(65_536), null],
];

for (const [name, value] of table) {
  const shown = JSON.stringify(name.slice(0, 40));
  test(`a client that names ${shown} is served ${value ?? "what is for all others"}`, () => {
    assert.equal(served.for(name), value);
  });
}
