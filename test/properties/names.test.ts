import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { algorithmOf, hexOf, parseDigest } from "../../src/oci/digest.ts";
import { imageName, parseImageName } from "../../src/oci/image-name.ts";
import { parseReference, parseTag, referenceText } from "../../src/oci/reference.ts";
import { parseRepository } from "../../src/oci/repository.ts";
import { foreignText, textOf } from "../support/foreign-text.ts";
import { holds } from "../support/holds.ts";
import { digests, references, repositories, tags } from "../support/names.ts";
import { refusedOr } from "../support/refused-or.ts";

test("a repository's name is what the grammar takes, told by what stands between its letters", async () => {
  const joint = fc.constantFrom(".", "_", "__", "-", "--", "/", "___", "..", "._", "//", "A");
  const joints = fc.array(fc.tuple(joint, fc.constantFrom("a", "b0", "")), { maxLength: 3 });
  const nearly = joints.map((all) => `a${all.flat().join("")}`);
  await holds(
    fc.property(fc.oneof(nearly, foreignText("aab01._-/A ", 40)), (text) => {
      assert.equal(parseRepository(text), isName(text) ? text : null);
    }),
  );
});

test("a repository's name has 255 characters at most", async () => {
  await holds(
    fc.property(repositories(), fc.integer({ min: 200, max: 300 }), (name, length) => {
      const long = name.padEnd(length, "a");
      assert.equal(parseRepository(long), long.length <= 255 ? long : null);
    }),
  );
});

test("a digest is an algorithm and all of its digits, and none of its neighbours is one", async () => {
  await holds(
    fc.property(digests(), fc.nat({ max: 140 }), foreignText("0fFg:/. ", 2), (digest, at, edit) => {
      assert.equal(`${algorithmOf(digest)}:${hexOf(digest)}`, digest);
      const inserted = digest.slice(0, at) + edit + digest.slice(at);
      const replaced = digest.slice(0, at) + edit + digest.slice(at + edit.length);
      for (const text of [inserted, replaced, digest.slice(0, at)]) {
        assert.equal(parseDigest(text), isDigest(text) ? text : null);
      }
    }),
  );
});

test("a reference is written as it was read, and a tag is never a digest", async () => {
  await holds(
    fc.property(references(), (reference) => {
      assert.deepEqual(parseReference(referenceText(reference)), reference);
    }),
  );
  await holds(
    fc.property(fc.oneof(foreignText("aZ0_.-:@/", 20), textOf("aZ0_.-", 132, 125)), (text) => {
      assert.equal(parseTag(text), isTag(text) ? text : null);
      assert.equal(parseReference(text)?.kind ?? null, isTag(text) ? "tag" : null);
    }),
  );
});

const upstreams = fc.constantFrom("docker.io", "ghcr.io:5000", "ghcr.io:5000/not:a-tag");

test("the full name of an image is read as that image", async () => {
  await holds(
    fc.property(upstreams, repositories(), references(), (upstream, repository, reference) => {
      const read = parseImageName(imageName({ upstream, repository }, reference));
      assert.deepEqual(read, { path: `${upstream}/${repository}`, reference });
    }),
  );
});

test("a tag beside a digest means nothing, and none means latest", async () => {
  await holds(
    fc.property(repositories(), tags(), digests(), (path, tag, digest) => {
      assert.deepEqual(
        parseImageName(`${path}:${tag}@${digest}`),
        parseImageName(`${path}@${digest}`),
      );
      assert.deepEqual(parseImageName(path), parseImageName(`${path}:latest`));
    }),
  );
});

test("whatever is written for an image is one, or a sentence that says why not", async () => {
  await holds(
    fc.property(foreignText("ab/:@.-#? sha256", 80), (text) => {
      const read = refusedOr(() => parseImageName(text));
      if (read === null) return;
      assert.match(read.path, /^[^\s?#@]+$/);
      assert.deepEqual(parseReference(referenceText(read.reference)), read.reference);
      assert.ok(text.startsWith(read.path));
      // A colon of the last component, and of no other, begins a tag.
      assert.doesNotMatch(read.path, /:[^/]*$/);
    }),
  );
});

/** Distribution spec 1.1, "Pulling manifests": what stands between letters and digits decides whether it is a <name>. */
function isName(text: string): boolean {
  return text.length <= 255 && text.split("/").every(isComponent);
}

function isComponent(text: string): boolean {
  const [before, ...joints] = text.split(/[a-z0-9]+/);
  const after = joints.pop();
  return before === "" && after === "" && joints.every(isJoint);
}

function isJoint(text: string): boolean {
  return [".", "_", "__"].includes(text) || text === "-".repeat(text.length);
}

function isDigest(text: string): boolean {
  const [algorithm, hex = "", ...rest] = text.split(":");
  const length = new Map([
    ["sha256", 64],
    ["sha512", 128],
  ]).get(algorithm ?? "");
  const isHex = [...hex].every((char) => "0123456789abcdef".includes(char));
  return rest.length === 0 && hex.length === length && isHex;
}

function isTag(text: string): boolean {
  const word = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  const [first = "", ...rest] = text;
  if (first === "" || text.length > 128 || !word.includes(first)) return false;
  return rest.every((char) => `${word}.-`.includes(char));
}
