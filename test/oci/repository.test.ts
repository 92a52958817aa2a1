import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRepository } from "../../src/oci/repository.ts";

const repositories: readonly string[] = [
  "a",
  "0",
  "library/alpine",
  "a/b/c/d/e/f/g/h",
  "owner/image.name",
  "owner/image_name",
  "owner/image__name",
  "owner/image-name",
  "owner/image------name",
  "a.b_c__d-e--f/1.2",
  "v2",
  "v2/manifests/blobs/tags",
  "con/nul/aux",
  "constructor",
  "a".repeat(255),
  `${"a/".repeat(127)}a`,
];

for (const name of repositories) {
  test(`"${name.slice(0, 40)}" (${name.length} characters) names a repository`, () => {
    assert.equal(parseRepository(name), name);
  });
}

const noRepositories: readonly string[] = [
  "",
  "/",
  "a/",
  "/a",
  "a//b",
  "A",
  "library/Alpine",
  ".a",
  "a.",
  "a..b",
  "a___b",
  "_a",
  "a_",
  "-a",
  "a-",
  "a._b",
  "a-.b",
  "a/./b",
  "a/../b",
  "..",
  "__proto__",
  "a b",
  "a:b",
  "a@b",
  "a\\b",
  "a\0b",
  "a\n",
  "ä",
  "a/\u2024\u2024/b",
  "\uff21",
  "ſ",
  "a".repeat(256),
  `${"a/".repeat(127)}aa`,
  "a/".repeat(300),
];

for (const name of noRepositories) {
  test(`${JSON.stringify(name.slice(0, 40))} (${name.length} characters) names no repository`, () => {
    assert.equal(parseRepository(name), null);
  });
}

// What makes a pattern that backtracks try every way to cut a name before it says no. Were matching
// exponential in these 255 characters, this test would not end in any time; it measures none.
test("a longest name that almost matches is refused without trying every way to cut it", () => {
  for (const piece of ["a", "a/", "a-", "a--", "a_", "a__", "a.", "a.b-"]) {
    const name = `${piece.repeat(255).slice(0, 253)}a!`;
    assert.equal(name.length, 255);
    assert.equal(parseRepository(name), null);
  }
});

test("a repository's name beyond the limit is refused, however long it is", () => {
  for (const piece of ["a/", "a-", "a__"]) {
    assert.equal(parseRepository(`${piece.repeat(16 * 1024)}!`), null);
    assert.equal(parseRepository(`${piece.repeat(16 * 1024)}a`), null);
  }
});
