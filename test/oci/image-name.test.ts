import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { DistributionError } from "../../src/oci/distribution-error.ts";
import { imageName, parseImageName } from "../../src/oci/image-name.ts";
import { referenceText } from "../../src/oci/reference.ts";

const digest = digestOf(Buffer.from("an image"));

const names: readonly (readonly [written: string, path: string, reference: string])[] = [
  ["alpine", "alpine", "latest"],
  ["alpine:3.20", "alpine", "3.20"],
  ["library/alpine", "library/alpine", "latest"],
  ["docker.io/library/alpine:3.20", "docker.io/library/alpine", "3.20"],
  ["registry.internal:5000/app", "registry.internal:5000/app", "latest"],
  ["registry.internal:5000/team/app:1", "registry.internal:5000/team/app", "1"],
  [`alpine@${digest}`, "alpine", digest],
  [`ghcr.io/owner/image:tag@${digest}`, "ghcr.io/owner/image", digest],
];

for (const [written, path, reference] of names) {
  test(`${written} is ${reference} of ${path}`, () => {
    const name = parseImageName(written);

    assert.equal(name.path, path);
    assert.equal(referenceText(name.reference), reference);
  });
}

const refusals: readonly (readonly [what: string, written: string, sentence: RegExp])[] = [
  ["nothing", "", /no name/],
  ["only a tag", ":3.20", /no name/],
  ["only a digest", `@${digest}`, /no name/],
  ["a URL", "https://ghcr.io/owner/image", /leave https:\/\/ out/],
  ["skopeo's transport", "docker://alpine", /leave docker:\/\/ out/],
  ["a space", "alpine 3.20", /has no space/],
  ["a line feed and an escape", "alpine\n\u001b[31m", /has no space/],
  ["an empty tag", "alpine:", /no tag/],
  ["a tag of letters that none has", "alpine:é", /no tag/],
  ["two tags", "alpine:1:2", /no tag/],
  ["half a digest", "alpine@sha256:0123", /digest is not sha256/],
  ["no digest", "alpine@", /digest is not sha256/],
  ["two digests", `alpine@${digest}@${digest}`, /digest is not sha256/],
];

for (const [what, written, sentence] of refusals) {
  test(`${what} is refused with a sentence`, () => {
    assert.throws(
      () => parseImageName(written),
      (error) => error instanceof DistributionError && sentence.test(error.message),
    );
  });
}

test("an image has one full name", () => {
  const alpine = { upstream: "docker.io", repository: "library/alpine" };
  const tag = parseImageName("alpine:3.20").reference;
  const byDigest = parseImageName(`alpine@${digest}`).reference;

  assert.equal(imageName(alpine, tag), "docker.io/library/alpine:3.20");
  assert.equal(imageName(alpine, byDigest), `docker.io/library/alpine@${digest}`);
  assert.equal(imageName(alpine, null), "docker.io/library/alpine");
});
