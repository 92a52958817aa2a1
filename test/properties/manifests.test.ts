import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  childManifests,
  describeManifest,
  imageContent,
  ownContent,
} from "../../src/oci/described-manifest.ts";
import { parseDigest } from "../../src/oci/digest.ts";
import { parseForeignJson } from "../../src/oci/foreign-json.ts";
import {
  declaredMediaType,
  looksLikeManifest,
  referencedDigests,
  subjectOf,
} from "../../src/oci/manifest.ts";
import { isPlatform } from "../../src/oci/platform.ts";
import { referrerOf, referrersIn, referrersIndex } from "../../src/oci/referrer.ts";
import { tagsIn } from "../../src/upstream/tag-list.ts";
import { anyText, foreignText, oddLetters } from "../support/foreign-text.ts";
import { holds } from "../support/holds.ts";
import { digests } from "../support/names.ts";

/** Names that something reads, and names that objects have by themselves. */
const keys = fc.constantFrom(
  ...["config", "layers", "manifests", "blobs", "subject", "digest", "size", "mediaType", "urls"],
  ...["platform", "annotations", "artifactType", "os", "architecture", "variant", "tags", "a"],
  ...["__proto__", "constructor", "toString", "length", "hasOwnProperty"],
);

/** Any JSON, of such names. */
const { json } = fc.letrec<{ json: unknown; list: unknown[]; object: object }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 5, depthIdentifier: "json" },
    fc.oneof(digests(), anyText(), fc.double(), fc.integer(), fc.constantFrom(null, true)),
    tie("list"),
    tie("object"),
  ),
  list: fc.array(tie("json"), { maxLength: 4, depthIdentifier: "json" }),
  object: fc.dictionary(keys, tie("json"), { maxKeys: 6, depthIdentifier: "json" }),
}));

/** What has the shape of a descriptor, and is one or nearly. */
const words = fc.oneof(
  fc.constantFrom("linux", "amd64", "v8", "unknown", 1, "v8\u001b[31m", "a\n"),
  fc.string(),
  foreignText(`a/${oddLetters}`, 40),
);
const nearDescriptors = fc.record(
  {
    mediaType: fc.oneof(fc.constantFrom("a/b", "application/vnd.oci.empty.v1+json", 1), words),
    digest: fc.oneof({ weight: 4, arbitrary: digests() }, { weight: 1, arbitrary: json }),
    size: fc.oneof(fc.nat(), fc.constantFrom(-1, 1.5, "1", 2 ** 53, null)),
    platform: fc.record({ os: words, architecture: words, variant: words }, { requiredKeys: [] }),
    urls: fc.constantFrom([], ["https://a.example"], 1),
    artifactType: words,
    annotations: json,
  },
  { requiredKeys: ["digest"] },
);
const nearManifests = fc.record({
  config: nearDescriptors,
  layers: fc.array(nearDescriptors, { maxLength: 3 }),
  manifests: fc.array(nearDescriptors, { maxLength: 3 }),
  artifactType: words,
});

const documents = fc.oneof(
  nearManifests.map((value) => Buffer.from(JSON.stringify(value))),
  json.map((value) => Buffer.from(JSON.stringify(value))),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
);

test("of any bytes a manifest names digests only, each once, and those that stand in them", async () => {
  await holds(
    fc.property(documents, fc.nat(4), (bytes, limit) => {
      const text = bytes.toString();
      const lists = [
        referencedDigests(bytes),
        ...[imageContent, ownContent, childManifests].map((named) =>
          named(bytes, limit).map(({ digest }) => digest),
        ),
      ];
      for (const list of lists) {
        assert.equal(new Set(list).size, list.length);
        for (const digest of list) assert.ok(parseDigest(digest) && text.includes(digest));
      }
      for (const list of lists.slice(1)) assert.ok(list.length <= limit);
      const subject = subjectOf(bytes);
      assert.ok(subject === null || text.includes(subject));
      assert.ok(
        imageContent(bytes, limit).every(
          ({ sizeBytes }) => Number.isSafeInteger(sizeBytes) && sizeBytes >= 0,
        ),
      );
    }),
  );
  // What `__proto__` says in JSON has reached no object of ours.
  assert.equal(Object.keys(Object.prototype).length, 0);
});

test("what is told of a manifest is fit for a terminal, whatever bytes it has", async () => {
  await holds(
    fc.property(documents, (bytes) => {
      const { config, layers, manifests, artifactType } = describeManifest(bytes, 3);
      assert.ok(layers.length <= 6 && manifests.length <= 3);
      for (const one of [...(config ? [config] : []), ...layers, ...manifests]) {
        assert.match(one.mediaType, /^[\w.+/-]*$/);
        assert.ok(one.platform === null || isPlatform(one.platform), `${one.platform}`);
      }
      assert.match(artifactType ?? "", /^[\w.+/-]*$/);
    }),
  );
});

const sizes = fc.nat();
// So few that some are named twice.
const few = ["0", "1", "2", "3"].map((digit) => `sha256:${digit.repeat(64)}`);
const descriptors = fc.record({
  mediaType: fc.constant("a/b"),
  digest: fc.constantFrom(...few),
  size: sizes,
});

test("an image's manifest names its config and its layers, and an index its children", async () => {
  await holds(
    fc.property(
      descriptors,
      fc.array(descriptors),
      fc.array(descriptors),
      fc.option(descriptors),
      (config, layers, manifests, subject) => {
        const bytes = Buffer.from(JSON.stringify({ config, layers, manifests, subject }));
        const digestsOf = (list: readonly { readonly digest: string }[]): string[] => [
          ...new Set(list.map(({ digest }) => digest)),
        ];

        assert.deepEqual(referencedDigests(bytes), digestsOf([config, ...manifests, ...layers]));
        assert.deepEqual(digestsOf(childManifests(bytes, 100)), digestsOf(manifests));
        assert.deepEqual(digestsOf(ownContent(bytes, 100)), digestsOf([config, ...layers]));
        assert.equal(subjectOf(bytes), subject?.digest ?? null);
        assert.ok(looksLikeManifest(bytes));
        assert.equal(declaredMediaType(bytes), null);
      },
    ),
  );
});

test("JSON of others is what JSON.parse makes of it, or nothing", async () => {
  await holds(
    fc.property(documents, (bytes) => {
      assert.deepEqual(parseForeignJson(bytes), parsedOrNothing(bytes));
    }),
  );
});

test("a list of referrers is read as it was written, and only referrers are", async () => {
  await holds(
    fc.property(documents, fc.array(fc.oneof(nearDescriptors, json)), (bytes, manifests) => {
      const listed = referrersIn(Buffer.from(JSON.stringify({ manifests }))) ?? [];
      assert.ok(listed.length <= manifests.length);
      assert.ok(listed.every(({ size }) => Number.isSafeInteger(size) && size >= 0));
      assert.deepEqual(referrersIn(referrersIndex(listed)), listed);
      const mediaType = "application/vnd.oci.image.manifest.v1+json";
      const digest = parseDigest(`sha256:${"0".repeat(64)}`);
      if (digest === null) throw new Error("a digest is one");
      const own = referrerOf({ digest, mediaType, bytes });
      assert.deepEqual(referrersIn(referrersIndex([own])), [own]);
      assert.equal(own.size, bytes.length);
      const annotations = Object.values(own.annotations ?? {});
      assert.ok(annotations.every((text) => typeof text === "string"));
    }),
  );
});

test("a list of tags is one of texts, or none", async () => {
  await holds(
    fc.property(documents, (bytes) => {
      assert.ok(tagsIn(bytes)?.every((tag) => typeof tag === "string") ?? true);
    }),
  );
});

function parsedOrNothing(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
