import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import {
  type Referrer,
  referrerOf,
  referrersIn,
  referrersIndex,
  referrersMediaType,
} from "../../src/oci/referrer.ts";

const digest = digestOf(Buffer.from("a signature"));
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const plain: Referrer = { mediaType: manifestType, digest, size: 7 };

const entries: Readonly<Record<string, { entry: unknown; referrer: Referrer | null }>> = {
  "a descriptor": { entry: plain, referrer: plain },
  "one with a type and annotations": {
    entry: { ...plain, artifactType: "a/b", annotations: { key: "value" } },
    referrer: { ...plain, artifactType: "a/b", annotations: { key: "value" } },
  },
  "one with a platform and urls, which are dropped": {
    entry: { ...plain, platform: { os: "linux" }, urls: ["http://evil.example"], data: "AAAA" },
    referrer: plain,
  },
  "one with an empty type": { entry: { ...plain, artifactType: "" }, referrer: plain },
  "one with a type that is none": { entry: { ...plain, artifactType: 1 }, referrer: plain },
  "one with annotations of other kinds": {
    entry: { ...plain, annotations: { a: "text", b: 1, c: null, d: { e: "f" } } },
    referrer: { ...plain, annotations: { a: "text" } },
  },
  "one with annotations in a list": { entry: { ...plain, annotations: ["a"] }, referrer: plain },
  "one without a digest": { entry: { mediaType: manifestType, size: 7 }, referrer: null },
  "one with a digest that is none": {
    entry: { ...plain, digest: "sha256:../../etc/passwd" },
    referrer: null,
  },
  "one with another algorithm": {
    entry: { ...plain, digest: `md5:${"0".repeat(32)}` },
    referrer: null,
  },
  "one without a size": { entry: { mediaType: manifestType, digest }, referrer: null },
  "one with a size in text": { entry: { ...plain, size: "7" }, referrer: null },
  "one with a negative size": { entry: { ...plain, size: -1 }, referrer: null },
  "one with half a byte": { entry: { ...plain, size: 0.5 }, referrer: null },
  "one without a media type": { entry: { digest, size: 7 }, referrer: null },
  null: { entry: null, referrer: null },
  "a list": { entry: [plain], referrer: null },
  text: { entry: digest, referrer: null },
};

for (const [name, { entry, referrer }] of Object.entries(entries)) {
  test(`${name} in a list of referrers is ${referrer ? "taken" : "left out"}`, () => {
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [entry, plain] }));

    assert.deepEqual(referrersIn(index), referrer ? [referrer, plain] : [plain]);
  });
}

test("a referrer whose size is beyond all numbers is left out", () => {
  const text = `{"manifests":[{"mediaType":"a/b","digest":"${digest}","size":1e400}]}`;

  assert.deepEqual(referrersIn(Buffer.from(text)), []);
});

test("an annotation called __proto__ is one like any other", () => {
  const text = `{"manifests":[{"mediaType":"a/b","digest":"${digest}","size":1,"annotations":{"__proto__":"x"}}]}`;

  const [referrer] = referrersIn(Buffer.from(text)) ?? [];

  assert.equal(JSON.stringify(referrer?.annotations), '{"__proto__":"x"}');
});

const noIndexes: readonly string[] = [
  "",
  "null",
  "[]",
  "1",
  '"manifests"',
  "{}",
  '{"manifests":{}}',
  '{"manifests":null}',
  '{"__proto__":{"manifests":[]}}',
  "<html>",
  '{"manifests":[',
  "[".repeat(100_000),
];

for (const text of noIndexes) {
  test(`${JSON.stringify(text.slice(0, 40))} is no list of referrers`, () => {
    assert.equal(referrersIn(Buffer.from(text)), null);
  });
}

const manifests: Readonly<Record<string, { manifest: unknown; extras: Partial<Referrer> }>> = {
  "with a type of its own": {
    manifest: { artifactType: "a/sbom", config: { mediaType: "a/config" } },
    extras: { artifactType: "a/sbom" },
  },
  "without one, so by its config": {
    manifest: { config: { mediaType: "a/config" } },
    extras: { artifactType: "a/config" },
  },
  "with an empty one, so by its config": {
    manifest: { artifactType: "", config: { mediaType: "a/config" } },
    extras: { artifactType: "a/config" },
  },
  "without a config": { manifest: { manifests: [] }, extras: {} },
  "with a config that is none": { manifest: { config: "a/config" }, extras: {} },
  "with annotations": {
    manifest: { artifactType: "a/b", annotations: { by: "me" } },
    extras: { artifactType: "a/b", annotations: { by: "me" } },
  },
  "that is no JSON object": { manifest: [1], extras: {} },
};

for (const [name, { manifest, extras }] of Object.entries(manifests)) {
  test(`a manifest ${name} is listed as the spec says`, () => {
    const bytes = Buffer.from(JSON.stringify(manifest));

    const referrer = referrerOf({ digest, mediaType: manifestType, bytes });

    assert.deepEqual(referrer, { mediaType: manifestType, digest, size: bytes.length, ...extras });
  });
}

test("a list of referrers that the mirror makes is one that it can read", () => {
  const referrers: Referrer[] = [plain, { ...plain, artifactType: "a/b", annotations: { k: "v" } }];

  const bytes = referrersIndex(referrers);

  assert.deepEqual(referrersIn(bytes), referrers);
  const { schemaVersion, mediaType } = JSON.parse(bytes.toString());
  assert.deepEqual(
    { schemaVersion, mediaType },
    { schemaVersion: 2, mediaType: referrersMediaType },
  );
  assert.deepEqual(referrersIn(referrersIndex([])), []);
});

test("a list of referrers of 4 MiB is read", () => {
  const entry = JSON.stringify({ mediaType: "a/b", digest, size: 1 });
  const count = Math.floor((4 * 1024 * 1024) / (entry.length + 1));
  const bytes = Buffer.from(`{"manifests":[${Array.from({ length: count }, () => entry).join()}]}`);

  // It takes some tens of milliseconds; quadratic work would take minutes, and end this run.
  assert.equal(referrersIn(bytes)?.length, count);
});
