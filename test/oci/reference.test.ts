import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { parseReference, parseTag, referenceText } from "../../src/oci/reference.ts";

const tags: readonly string[] = [
  "a",
  "latest",
  "1",
  "_",
  "_internal",
  "v1.2.3-rc.1_amd64",
  "UPPER",
  "a..b",
  "a--b",
  "a.",
  "a-",
  "__proto__",
  "sha256-0123",
  "x".repeat(128),
];

for (const tag of tags) {
  test(`"${tag.slice(0, 40)}" (${tag.length} characters) is a tag`, () => {
    assert.equal(parseTag(tag), tag);
    assert.deepEqual(parseReference(tag), { kind: "tag", tag });
  });
}

const noTags: readonly string[] = [
  "",
  ".",
  "..",
  ".a",
  "-a",
  "a/b",
  "a b",
  "a+b",
  "a:b",
  "a@b",
  "a\\b",
  "a\0",
  "a\n",
  "é",
  "a\u2024b",
  "x".repeat(129),
  "x".repeat(64 * 1024),
];

for (const tag of noTags) {
  test(`${JSON.stringify(tag.slice(0, 40))} (${tag.length} characters) is no tag`, () => {
    assert.equal(parseTag(tag), null);
    assert.equal(parseReference(tag), null);
  });
}

test("a digest is a reference by digest, whatever tags look like", () => {
  const digest = digestOf(Buffer.from("manifest"));

  const reference = parseReference(digest);

  assert.deepEqual(reference, { kind: "digest", digest });
  assert.ok(reference);
  assert.equal(referenceText(reference), digest);
});

test("a digest with one digit too few is no reference at all", () => {
  assert.equal(parseReference(digestOf(Buffer.from("manifest")).slice(0, -1)), null);
});
