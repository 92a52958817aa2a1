import assert from "node:assert/strict";
import { test } from "node:test";
import { manifestMediaTypes } from "../../src/oci/manifest.ts";
import { mediaTypeOf } from "../../src/upstream/media-type.ts";

const index = "application/vnd.oci.image.index.v1+json";
const image = "application/vnd.oci.image.manifest.v1+json";
const artifact = "application/vnd.cncf.oras.artifact.manifest.v1+json";

const accepted: readonly (readonly [
  what: string,
  header: string | undefined,
  declared: string | null,
  expected: string,
])[] = [
  ...manifestMediaTypes.map((type) => ["a known type", type, type, type] as const),
  ["a type that the manifest does not repeat", image, null, image],
  ["a type with a parameter", `${index}; charset=utf-8`, index, index],
  ["a type with a parameter and no space", `${index};charset="utf-8"`, index, index],
  ["a type in upper case", index.toUpperCase(), index, index],
  ["a type of an artifact", artifact, artifact, artifact],
  ["no header", undefined, index, index],
  ["an empty header", "", index, index],
  ["application/json", "application/json", index, index],
  ["application/json with a charset", "application/json; charset=utf-8", index, index],
  ["application/octet-stream", "application/octet-stream", image, image],
  ["text/plain", "text/plain; charset=utf-8", image, image],
];

for (const [what, header, declared, expected] of accepted) {
  test(`${what} (${header}, in the manifest ${declared}) is ${expected}`, () => {
    assert.deepEqual(read(header, manifest(declared)), { kind: "media-type", name: expected });
  });
}

const nonsense: readonly (readonly [what: string, header: string | undefined, bytes: Buffer])[] = [
  ["a web page", "text/html", Buffer.from("<html>")],
  ["a web page around a manifest", "text/html; charset=utf-8", manifest(index)],
  ["a web page that is labelled plain", "text/plain", Buffer.from("<html>")],
  ["neither says a type", undefined, manifest(null)],
  ["JSON that says no type", "application/json", manifest(null)],
  ["a header against the manifest", index, manifest(image)],
  ["a manifest that says it is a page", image, manifest("text/html")],
  ["a header in the manifest's other case only", undefined, manifest("text/html")],
  ["a type with a line break", undefined, manifest("application/vnd.x\r\nset-cookie: a=b+json")],
  ["a type with a script", undefined, manifest("application/vnd.<script>+json")],
  ["a type of 64 KiB", undefined, manifest(`application/vnd.${"x".repeat(64 * 1024)}+json`)],
  ["two types in one header", `${index}, ${image}`, manifest(index)],
  [
    "schema 1, which nothing makes any more",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    manifest(null),
  ],
];

for (const [what, header, bytes] of nonsense) {
  test(`${what} is nonsense`, () => {
    const mediaType = read(header, bytes);

    assert.equal(mediaType.kind, "nonsense");
    assert.ok(mediaType.kind === "nonsense" && mediaType.reason.length <= 300);
  });
}

function read(header: string | undefined, bytes: Buffer): ReturnType<typeof mediaTypeOf> {
  return mediaTypeOf(header === undefined ? {} : { "content-type": header }, bytes);
}

function manifest(mediaType: string | null): Buffer {
  return Buffer.from(
    JSON.stringify({ schemaVersion: 2, ...(mediaType === null ? {} : { mediaType }), layers: [] }),
  );
}
