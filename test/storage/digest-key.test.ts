import assert from "node:assert/strict";
import { test } from "node:test";
import { type Digest, digestOf } from "../../src/oci/digest.ts";
import { digestOfKey, keyOf } from "../../src/storage/catalog/digest-key.ts";

const digests: Digest[] = ["a", "b", "c"].flatMap((text) => [
  digestOf(Buffer.from(text)),
  digestOf(Buffer.from(text), "sha512"),
]);

test("a digest comes back from its key, which has a byte more than the hash", () => {
  for (const digest of digests) assert.equal(digestOfKey(keyOf(digest)), digest);
  assert.deepEqual(new Set(digests.map((digest) => keyOf(digest).length)), new Set([33, 65]));
});

test("keys of digests have the order of the digests", () => {
  const byKey = digests.toSorted((one, other) => Buffer.compare(keyOf(one), keyOf(other)));

  assert.deepEqual(byKey, digests.toSorted());
});
