import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAccept } from "../../src/oci/accept.ts";
import { manifestMediaTypes } from "../../src/oci/manifest.ts";

const [ociIndex = "", ociManifest = "", dockerList = "", dockerManifest = ""] = manifestMediaTypes;
const signedSchema1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";

interface Row {
  readonly header: string | undefined;
  /** "" where anything is taken. */
  readonly list: string;
  readonly takes?: readonly string[];
  readonly refuses?: readonly string[];
}

const rows: Readonly<Record<string, Row>> = {
  "no header": { header: undefined, list: "", takes: [ociIndex, signedSchema1, "text/html"] },
  "an empty header": { header: "", list: "", takes: [ociIndex] },
  "curl's": { header: "*/*", list: "", takes: [ociIndex] },
  "anything among others": { header: `${ociManifest}, */*`, list: "", takes: [dockerList] },
  "anything, though with a weight": { header: "*/*;q=0.1", list: "", takes: [ociIndex] },
  "one type": {
    header: dockerManifest,
    list: dockerManifest,
    takes: [dockerManifest],
    refuses: [dockerList, ociIndex, ociManifest],
  },
  "several types, in any order": {
    header: `${ociManifest},${dockerManifest}`,
    list: `${dockerManifest},${ociManifest}`,
    takes: [dockerManifest, ociManifest],
    refuses: [ociIndex],
  },
  "the same types in another order and case, and one twice": {
    header: `${dockerManifest.toUpperCase()} , ${ociManifest},${ociManifest}`,
    list: `${dockerManifest},${ociManifest}`,
  },
  "weights, which order nothing": {
    header: `${dockerManifest};q=0.5, ${ociIndex};q=1.0`,
    list: `${dockerManifest},${ociIndex}`,
    takes: [dockerManifest, ociIndex],
  },
  "a type that is refused by its weight": {
    header: `${dockerManifest}, ${ociIndex};q=0, ${ociManifest};q=0.000`,
    list: dockerManifest,
    refuses: [ociIndex, ociManifest],
  },
  "anything but refused": { header: "*/*;q=0", list: "", takes: [ociIndex] },
  "a weight that only begins with nothing": {
    header: `${ociIndex};q=0.001`,
    list: ociIndex,
    takes: [ociIndex],
  },
  "a family of types": {
    header: "application/*",
    list: "application/*",
    takes: [ociIndex, dockerManifest],
    refuses: ["text/html"],
  },
  "types that are none": {
    header: `json, /, a/, /b, a/b/c, <script>, ${dockerManifest}`,
    list: dockerManifest,
    refuses: ["json", "a/b"],
  },
  "nothing but types that are none": { header: "json; q=1, ,;,", list: "", takes: [ociIndex] },
  "more than any client sends": {
    header: Array.from({ length: 200 }, (_, at) => `application/x${at}+json`).join(","),
    list: "",
    takes: [ociIndex],
  },
};

for (const [name, { header, list, takes = [], refuses = [] }] of Object.entries(rows)) {
  test(`${name}: ${list === "" ? "anything is taken" : "only what it names is taken"}`, () => {
    const accept = parseAccept(header);

    assert.equal(accept.list, list);
    for (const type of takes) assert.ok(accept.takes(type), type);
    for (const type of refuses) assert.ok(!accept.takes(type), type);
  });
}

test("the Accept of containerd and docker takes every kind of manifest, so they get what everyone gets", () => {
  const containerd = [dockerManifest, dockerList, ociManifest, ociIndex, "*/*"].join(", ");
  const moby = [signedSchema1, dockerManifest, dockerList, ociManifest, ociIndex].join(", ");

  for (const header of [containerd, moby]) {
    assert.ok(manifestMediaTypes.every(parseAccept(header).takes), header);
  }
});

// 16 KiB is all that Node takes of a header.
const hostile: readonly string[] = [
  ",".repeat(16_384),
  ";".repeat(16_384),
  "a/b;q=".repeat(2_700),
  `a/${"+".repeat(16_000)}`,
  `${"a".repeat(16_000)}/`,
  "/".repeat(16_384),
  " ".repeat(16_384),
  `a/b;q=0.${"0".repeat(16_000)}1`,
  "a/b,".repeat(4_096),
];

for (const header of hostile) {
  test(`16 KiB of ${JSON.stringify(header.slice(0, 12))} are read at once`, () => {
    const accept = parseAccept(header);

    // It takes well under a millisecond or two; quadratic work would take hundreds each time.
    assert.ok(bestOf(5, () => parseAccept(header).takes(ociIndex)) < 100);
    assert.ok(accept.list.length <= 2_000);
  });
}

/** The least that any of so many times took, in milliseconds: whatever else a busy machine does meets one of them only. */
function bestOf(times: number, work: () => unknown): number {
  const durations = Array.from({ length: times }, () => {
    const startMs = performance.now();
    work();
    return performance.now() - startMs;
  });
  return Math.min(...durations);
}
