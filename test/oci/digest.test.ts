import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { algorithmOf, digestOf, hexOf, parseDigest } from "../../src/oci/digest.ts";

const hex = "0123456789abcdef".repeat(8);

test("a digest is sha256 with 64 or sha512 with 128 lower-case hex digits", () => {
  for (const text of [`sha256:${hex.slice(0, 64)}`, `sha512:${hex}`]) {
    assert.equal(parseDigest(text), text);
  }
});

const noDigests: readonly (readonly [what: string, text: string])[] = [
  ["nothing", ""],
  ["an algorithm alone", "sha256:"],
  ["no algorithm", hex.slice(0, 64)],
  ["63 digits", `sha256:${hex.slice(0, 63)}`],
  ["65 digits", `sha256:${hex.slice(0, 65)}`],
  ["sha512 with 64 digits", `sha512:${hex.slice(0, 64)}`],
  ["sha512 with 127 digits", `sha512:${hex.slice(0, 127)}`],
  ["sha512 with 129 digits", `sha512:${hex}0`],
  ["sha256 with 128 digits", `sha256:${hex}`],
  ["upper-case digits", `sha256:${hex.slice(0, 64).toUpperCase()}`],
  ["an upper-case algorithm", `SHA256:${hex.slice(0, 64)}`],
  ["another algorithm", `md5:${hex.slice(0, 32)}`],
  ["sha384", `sha384:${hex.slice(0, 96)}`],
  ["a compound algorithm", `sha256+b64:${hex.slice(0, 64)}`],
  ["a path", "sha256:../../../../etc/passwd"],
  ["a path of the right length", `sha256:${"../".repeat(21)}a`],
  ["a letter beyond f", `sha256:${hex.slice(0, 63)}g`],
  ["a digit of another script", `sha256:${hex.slice(0, 63)}٠`],
  ["a space before", ` sha256:${hex.slice(0, 64)}`],
  ["a line after", `sha256:${hex.slice(0, 64)}\n`],
  ["two", `sha256:${hex.slice(0, 64)},sha256:${hex.slice(0, 64)}`],
  ["a name of every object", "__proto__"],
];

for (const [what, text] of noDigests) {
  test(`${what} is no digest`, () => {
    assert.equal(parseDigest(text), null);
  });
}

test("a digest's algorithm and hex are its two parts", () => {
  const bytes = Buffer.from("content");
  for (const algorithm of ["sha256", "sha512"] as const) {
    const expected = createHash(algorithm).update(bytes).digest("hex");

    const digest = digestOf(bytes, algorithm);

    assert.equal(digest, `${algorithm}:${expected}`);
    assert.equal(algorithmOf(digest), algorithm);
    assert.equal(hexOf(digest), expected);
    assert.equal(parseDigest(digest), digest);
  }
});
