import assert from "node:assert/strict";
import { test } from "node:test";
import { describeManifest, imageContent } from "../../src/oci/described-manifest.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { platformText } from "../../src/oci/platform.ts";
import { imageOfSize, jsonOf, ociIndex } from "../support/images.ts";

const digest = digestOf(Buffer.from("content"));

test("an image's config and layers are described in their order, an index's manifests with platforms", () => {
  const image = imageOfSize("described", 10);
  const index = ociIndex([{ layers: [] }, { architecture: "arm64", layers: [] }]);

  const described = describeManifest(image.manifest.bytes, 10);
  const { manifests } = describeManifest(index.manifest.bytes, 10);

  assert.deepEqual(
    [described.config, ...described.layers].map((one) => one?.digest),
    image.blobs.map(({ digest }) => digest),
  );
  assert.deepEqual(
    manifests.map(({ platform }) => platform),
    ["linux/amd64", "linux/arm64"],
  );
});

test("no more layers of a manifest are described than the limit", () => {
  const layers = Array.from({ length: 50 }, () => ({ digest }));
  assert.equal(describeManifest(jsonOf({ layers }), 3).layers.length, 3);
});

test("of what is no manifest nothing is described", () => {
  for (const text of ["", "[]", "null", "7", '{"layers":{}}', '{"layers":[null,7,{"digest":1}]}']) {
    const { config, layers, manifests, artifactType } = describeManifest(Buffer.from(text), 10);
    assert.deepEqual([config, layers, manifests, artifactType], [null, [], [], null], text);
  }
});

test("an artifact has a type of its own, or that of its config", () => {
  const config = { digest, mediaType: "application/vnd.example.config" };
  const own = jsonOf({ config, artifactType: "application/vnd.example" });
  assert.equal(describeManifest(own, 1).artifactType, "application/vnd.example");
  assert.equal(describeManifest(jsonOf({ config }), 1).artifactType, config.mediaType);
});

test("layers that have URLs are described as ones that clients get elsewhere", () => {
  const layers = [
    { digest, urls: ["https://example.com/layer"] },
    { digest, urls: [] },
  ];
  assert.deepEqual(
    describeManifest(jsonOf({ layers }), 2).layers.map(({ elsewhere }) => elsewhere),
    [true, false],
  );
});

test("text of a manifest that would do harm on a terminal is left out", () => {
  const escapes = ["\u001b[31mred", "a\nb", "\u202eabc", "a b", "", "a".repeat(33), 7, null, {}];
  for (const text of escapes) {
    assert.equal(platformText({ os: "linux", architecture: text }), null);
    assert.equal(platformText({ os: text, architecture: "amd64" }), null);
    assert.equal(platformText({ os: "linux", architecture: "arm", variant: text }), "linux/arm");
    const [layer] = describeManifest(
      jsonOf({ layers: [{ digest, mediaType: `a/${text}\u001b` }] }),
      1,
    ).layers;
    assert.equal(layer?.mediaType, "");
  }
});

test("a platform that is unknown, or no object, is none", () => {
  assert.equal(platformText({ os: "unknown", architecture: "unknown" }), null);
  assert.equal(platformText("linux/amd64"), null);
  assert.equal(platformText({ os: "linux", architecture: "arm", variant: "v7" }), "linux/arm/v7");
});

test("the content that a manifest tells is its config and layers with their sizes, each once, up to a limit", () => {
  const [a, b, c, d] = ["a", "b", "c", "d"].map((text) => digestOf(Buffer.from(text)));
  const told = (bytes: Buffer, limit: number) =>
    imageContent(bytes, limit).map(({ digest, sizeBytes }) => ({ digest, sizeBytes }));
  const bytes = Buffer.from(
    JSON.stringify({
      config: { digest: a, size: 1 },
      layers: [
        { digest: b, size: 2 },
        { digest: b, size: 2 },
        { size: 7 },
        { digest: c, size: -3 },
      ],
      manifests: [{ digest: d, size: 4 }],
    }),
  );

  const content = [
    { digest: a, sizeBytes: 1 },
    { digest: b, sizeBytes: 2 },
    { digest: c, sizeBytes: 0 },
  ];
  assert.deepEqual(told(bytes, 10), content);
  assert.deepEqual(told(bytes, 2), content.slice(0, 2));
  assert.deepEqual(told(Buffer.from("no JSON"), 10), []);
});
