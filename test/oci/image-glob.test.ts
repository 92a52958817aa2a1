import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDigest } from "../../src/oci/digest.ts";
import { ImageGlob } from "../../src/oci/image-glob.ts";
import { imageName } from "../../src/oci/image-name.ts";
import { parseReference } from "../../src/oci/reference.ts";
import { parseRepository } from "../../src/oci/repository.ts";

const digest = `sha256:${"1a".repeat(32)}`;

test("a pattern matches names as a whole", () => {
  const matching: readonly (readonly [pattern: string, ...names: string[]])[] = [
    ["docker.io/library/alpine:3.20", "docker.io/library/alpine:3.20"],
    [
      "docker.io/library/*:latest",
      "docker.io/library/alpine:latest",
      "docker.io/library/a/b:latest",
    ],
    ["*:v[0-9]*", "ghcr.io/owner/image:v1", "localhost:5000/a:v12-rc"],
    ["ghcr.io/owner/image@sha256:*", `ghcr.io/owner/image@${digest}`],
    ["registry.test:5000/team/?pp:[!l]*", "registry.test:5000/team/app:1"],
  ];
  for (const [pattern, ...names] of matching) {
    for (const name of names) assert.ok(parsed(pattern).matches(name), `${pattern} ${name}`);
  }
  const missing: readonly (readonly [pattern: string, ...names: string[]])[] = [
    ["docker.io/library/*:latest", "docker.io/owner/alpine:latest", "docker.io/library/a:latest2"],
    ["*:v[0-9]*", "ghcr.io/owner/image:latest", "ghcr.io/owner/image:version"],
    ["*:[!l]*", "ghcr.io/owner/image:latest"],
    ["docker.io/library/alpine", "docker.io/library/alpine2:1", "docker.io/library/alpine/x:1"],
  ];
  for (const [pattern, ...names] of missing) {
    for (const name of names) assert.ok(!parsed(pattern).matches(name), `${pattern} ${name}`);
  }
});

test("a pattern without a tag is about its repositories, whatever is asked of them", () => {
  for (const pattern of ["quay.io/team/app", "quay.io/team/*", "quay.io/*pp", "*"]) {
    for (const reference of ["", ":1.0", `@${digest}`]) {
      assert.ok(parsed(pattern).matches(`quay.io/team/app${reference}`), `${pattern} ${reference}`);
    }
  }
});

test("a pattern of tags matches neither digests, nor lists, nor ports", () => {
  for (const pattern of ["*:*", "*:[0-9]*", "*:5*"]) {
    assert.ok(parsed(pattern).matches("registry.test:5000/app:5"));
    for (const name of [`ghcr.io/app@${digest}`, "ghcr.io/app", "registry.test:5000/app:latest"]) {
      assert.equal(parsed(pattern).matches(name), pattern === "*:*" && name.endsWith(":latest"));
    }
  }
});

test("an empty, unended or overlong pattern is none", () => {
  for (const pattern of ["", "a[b", "a:[", "x".repeat(513)])
    assert.equal(ImageGlob.parse(pattern), null);
});

test("a pattern covers another one if it matches all that the other could match", () => {
  const pairs: readonly (readonly [one: string, other: string, covers: boolean])[] = [
    ["*", "quay.io/evil/*:1", true],
    ["quay.io/*", "quay.io/evil/*", true],
    ["quay.io/evil/*", "quay.io/evil/*:v[0-9]*", true],
    ["quay.io/*/app", "quay.io/team/*/app:1", true],
    ["*:v[0-9]*", "docker.io/library/node:v2*", true],
    ["*:v[0-9]*", "docker.io/library/*:v[0-9]*", true],
    ["a/?", "a/[xy]", true],
    ["quay.io/evil/*", "quay.io/*", false],
    ["quay.io/evil/*:v*", "quay.io/evil/*", false],
    ["a/x:1", "a/x@sha256:1", false],
    ["a/?", "a/*", false],
    ["a/[xy]", "a/?", false],
    ["docker.io/library/*:latest", "docker.io/library/*:*", false],
  ];
  for (const [one, other, covers] of pairs) {
    assert.equal(parsed(one).covers(parsed(other)), covers, `${one} covers ${other}`);
  }
});

test("a match takes time by the length of pattern and name, and no more", () => {
  // 500 stars over 255 characters: tried in every way, it would not end.
  const pattern = parsed(`${"*a".repeat(250)}b`);
  assert.equal(pattern.matches("a".repeat(255)), false);
});

test("an image's name for patterns is that of a tag, of a digest, or of its repository", () => {
  const repository = parseRepository("team/app");
  assert.ok(repository && parseDigest(digest));
  const location = { upstream: "registry.test:5000", repository };

  assert.equal(imageName(location, parseReference("1.0")), "registry.test:5000/team/app:1.0");
  assert.equal(
    imageName(location, parseReference(digest)),
    `registry.test:5000/team/app@${digest}`,
  );
  assert.equal(imageName(location, null), "registry.test:5000/team/app");
});

function parsed(pattern: string): ImageGlob {
  const glob = ImageGlob.parse(pattern);
  assert.ok(glob, pattern);
  return glob;
}
