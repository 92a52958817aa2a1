import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLogin, passwordFault } from "../../src/auth/presented-login.ts";
import { basic } from "../support/login-files.ts";

test("a name ends at the first colon, and a password may have more of them", () => {
  const login = parseLogin(basic("alice", "pass:word"));

  assert.ok(login.kind === "basic");
  assert.equal(login.name, "alice");
  assert.equal(login.secret.toString(), "pass:word");
});

test("the scheme is read in any case, with any number of spaces behind it", () => {
  const credentials = Buffer.from("a:b").toString("base64");
  for (const scheme of ["basic", "BASIC ", "Basic   "])
    assert.equal(parseLogin(`${scheme} ${credentials}`).kind, "basic", scheme);
  const bearer = parseLogin("bearer abc.def-ghi_~+/=");
  assert.ok(bearer.kind === "bearer");
  assert.equal(bearer.secret.toString(), "abc.def-ghi_~+/=");
});

test("an empty name with an empty password is nobody", () => {
  assert.equal(parseLogin(basic("", "")).kind, "empty");
  assert.equal(parseLogin(basic("alice", "")).kind, "basic");
  assert.equal(parseLogin(basic("", "password")).kind, "basic");
});

test("what is neither Basic nor Bearer, or is cut off, is not readable", () => {
  const headers = [
    "",
    "Basic",
    "Basic ",
    "Bearer ",
    "Basic !!!!",
    "Basic YTpi YTpi",
    `Basic ${Buffer.from("no colon").toString("base64")}`,
    `Basic ${Buffer.from([0xff, 0x3a, 0x61]).toString("base64")}`,
    "Digest username=alice",
    "Negotiate YTpi",
    "Bearer a b",
    "Bearer t\u00f6ken",
  ];
  for (const header of headers) assert.equal(parseLogin(header).kind, "unreadable", header);
});

test("a password that bcrypt would not read to its end is none", () => {
  assert.equal(passwordFault(Buffer.from("a".repeat(72))), null);
  assert.equal(passwordFault(Buffer.from("ä".repeat(36))), null);
  assert.match(passwordFault(Buffer.from("a".repeat(73))) ?? "", /at most 72 bytes/);
  assert.match(passwordFault(Buffer.from("ä".repeat(37))) ?? "", /at most 72 bytes/);
  assert.match(passwordFault(Buffer.from("a\0b")) ?? "", /no NUL/);
  assert.match(passwordFault(Buffer.from([0x61, 0xff])) ?? "", /UTF-8/);
});
