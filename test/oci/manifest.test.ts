import assert from "node:assert/strict";
import { test } from "node:test";
import { type Digest, digestOf } from "../../src/oci/digest.ts";
import {
  declaredMediaType,
  isImageManifest,
  manifestLimitBytes,
  referencedDigests,
  subjectOf,
} from "../../src/oci/manifest.ts";
import { runnableDockerImage, runnableImage } from "../support/images.ts";

const digests = ["a", "b", "c", "d"].map((text) => digestOf(Buffer.from(text)));
const [a, b, c, d] = digests as [Digest, Digest, Digest, Digest];

test("an index names its children, an image its config and layers", () => {
  for (const index of [runnableImage("x"), runnableDockerImage("x")]) {
    const [child] = index.children;
    assert.ok(child);

    assert.deepEqual(
      referencedDigests(index.manifest.bytes),
      index.children.map(({ manifest }) => manifest.digest),
    );
    assert.deepEqual(
      referencedDigests(child.manifest.bytes),
      child.blobs.map(({ digest }) => digest),
    );
    assert.equal(declaredMediaType(child.manifest.bytes), child.manifest.mediaType);
  }
});

test("every list that can hold descriptors counts, each digest once, the subject not", () => {
  const bytes = json({
    subject: { digest: d },
    config: { digest: a },
    layers: [{ digest: b }, { digest: a }, { digest: b }],
    blobs: [{ digest: c }],
    manifests: [{ digest: c }],
  });

  assert.deepEqual(new Set(referencedDigests(bytes)), new Set([a, b, c]));
  assert.equal(referencedDigests(bytes).length, 3);
  assert.equal(subjectOf(bytes), d);
});

test("an index is no image's manifest, of OCI or of Docker", () => {
  for (const index of [runnableImage("x"), runnableDockerImage("x")]) {
    assert.equal(isImageManifest(index.manifest.mediaType), false);
    for (const { manifest } of index.children) {
      assert.equal(isImageManifest(manifest.mediaType), true);
    }
  }
});

test("a subject that names no digest is none", () => {
  for (const subject of [undefined, null, d, [{ digest: d }], {}, { digest: "sha256:d" }]) {
    assert.equal(subjectOf(json({ subject })), null);
  }
  assert.equal(subjectOf(Buffer.from("no JSON")), null);
});

test("descriptors that name no digest are passed over", () => {
  const bytes = json({
    config: "sha256:config",
    layers: [
      null,
      1,
      "text",
      [],
      {},
      { digest: null },
      { digest: 7 },
      { digest: "md5:0" },
      { digest: "../../etc/passwd" },
      { digest: [a] },
      { digest: { toString: a } },
      { digest: b },
    ],
  });

  assert.deepEqual(referencedDigests(bytes), [b]);
});

const opaque: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["nothing", Buffer.alloc(0)],
  ["a web page", Buffer.from("<!doctype html><title>log in</title>")],
  ["null", json(null)],
  ["a number", json(1)],
  ["a text", json("sha256")],
  ["an array", json([{ digest: a }])],
  ["an object without descriptors", json({})],
  ["lists that are none", json({ layers: { digest: a }, manifests: 3, blobs: "x", config: [] })],
  ["descriptors of the prototype", Buffer.from(`{"__proto__":{"layers":[{"digest":"${a}"}]}}`)],
  ["a digest of the prototype", Buffer.from(`{"layers":[{"__proto__":{"digest":"${a}"}}]}`)],
  ["JSON behind a byte order mark", Buffer.from(`\ufeff{"layers":[{"digest":"${a}"}]}`)],
  ["two documents", Buffer.from(`{"config":{"digest":"${a}"}}{}`)],
  ["JSON that ends early", Buffer.from(`{"config":{"digest":"${a}"}`)],
  ["bytes that are no UTF-8", Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
  ["UTF-16", Buffer.from(`{"config":{"digest":"${a}"}}`, "utf16le")],
  ["arrays in arrays, 4 MiB deep", Buffer.alloc(manifestLimitBytes, "[")],
  ["objects in objects, 4 MiB deep", Buffer.from('{"a":'.repeat(manifestLimitBytes / 5))],
];

for (const [what, bytes] of opaque) {
  test(`${what} names no digest and no media type`, () => {
    assert.deepEqual(referencedDigests(bytes), []);
    assert.equal(declaredMediaType(bytes), null);
  });
}

test("layers that stand under a name of every object are found where they are", () => {
  const bytes = Buffer.from(
    `{"__proto__":{"polluted":1},"constructor":{},"layers":[{"digest":"${a}"}]}`,
  );

  assert.deepEqual(referencedDigests(bytes), [a]);
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
});

test("a document deep in a place that nobody reads still names its layers", () => {
  const depth = 1000;
  const bytes = Buffer.from(
    `{"annotations":${"[".repeat(depth)}${"]".repeat(depth)},"layers":[{"digest":"${a}"}]}`,
  );

  assert.deepEqual(referencedDigests(bytes), [a]);
});

test("the last of two equal keys counts, as for every JSON parser of a client", () => {
  const bytes = Buffer.from(`{"config":{"digest":"${a}"},"config":{"digest":"${b}"}}`);

  assert.deepEqual(referencedDigests(bytes), [b]);
});

test("a manifest of 4 MiB of descriptors names each", () => {
  const layers = Array.from({ length: 40_000 }, (_, at) => ({
    digest: `sha256:${at.toString(16).padStart(64, "0")}`,
  }));
  const bytes = json({ layers });
  assert.ok(bytes.length < manifestLimitBytes);

  assert.equal(referencedDigests(bytes).length, layers.length);
});

const mediaTypes: readonly (readonly [declared: unknown, expected: string | null])[] = [
  ["application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.index.v1+json"],
  ["", ""],
  [undefined, null],
  [null, null],
  [1, null],
  [["application/json"], null],
  [{ toString: "x" }, null],
];

for (const [declared, expected] of mediaTypes) {
  test(`the mediaType ${JSON.stringify(declared)} is read as ${expected}`, () => {
    assert.equal(declaredMediaType(json({ mediaType: declared })), expected);
  });
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
