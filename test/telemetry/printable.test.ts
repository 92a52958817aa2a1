import assert from "node:assert/strict";
import { test } from "node:test";
import { printable } from "../../src/telemetry/printable.ts";

test("what steers a terminal is written as its number, and all other letters stay", () => {
  assert.equal(printable("red \u001b[31m, \u009b31m"), "red \\u{1b}[31m, \\u{9b}31m");
  assert.equal(printable("\u202eabc\u2066\u200f"), "\\u{202e}abc\\u{2066}\\u{200f}");
  assert.equal(printable("\r\u0007\u0000\u2028\u{e0001}"), "\\u{d}\\u{7}\\u{0}\\u{2028}\\u{e0001}");
  assert.equal(printable("plain, é, 漢字, 🚰\n\ttwo lines"), "plain, é, 漢字, 🚰\n\ttwo lines");
});
