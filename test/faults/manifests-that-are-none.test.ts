import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { manifestOfBytes } from "../support/fault-manifest.ts";
import { FaultScene } from "../support/fault-scene.ts";
import type { FaultWire, HeaderLines } from "../support/fault-wire.ts";
import { SeededContent } from "../support/seeded-content.ts";

const page = "<!doctype html><title>Log in to the hotel's network</title>";
const signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";
const index = "application/vnd.oci.image.index.v1+json";
const image = "application/vnd.oci.image.manifest.v1+json";

interface Lie {
  readonly what: string;
  readonly headers: HeaderLines;
  readonly body: string | Buffer;
}

/** No manifests, by their type. */
const lies: readonly Lie[] = [
  { what: "a page", headers: { "content-type": "text/html; charset=utf-8" }, body: page },
  { what: "a page without a type", headers: {}, body: page },
  { what: "a page said to be JSON", headers: { "content-type": "application/json" }, body: page },
  { what: "nothing", headers: {}, body: "" },
  { what: "JSON of no kind", headers: { "content-type": "application/json" }, body: '{"ok":true}' },
  { what: "an error", headers: { "content-type": "application/json" }, body: '{"errors":[]}' },
  {
    what: "a schema 1 manifest, which is not the bytes its digest is of",
    headers: { "content-type": signed },
    body: '{"schemaVersion":1,"name":"a","signatures":[]}',
  },
  {
    what: "an index that says it is a manifest",
    headers: { "content-type": index },
    body: JSON.stringify({ schemaVersion: 2, mediaType: image, manifests: [] }),
  },
  {
    what: "a manifest of a type that is too long",
    headers: { "content-type": `application/vnd.${"x".repeat(300)}+json` },
    body: "{}",
  },
  {
    what: "a manifest whose type has another's behind it",
    headers: { "content-type": `${image}, text/html` },
    body: "{}",
  },
];

for (const { what, headers, body } of lies) {
  test(`${what} in a manifest's place is 502, is not kept, and what comes later is right`, async () => {
    await using scene = await FaultScene.start();
    const honest = manifestOfBytes(what);
    scene.upstream.tag("latest", honest);
    const byDigest = `/v2/good/app/manifests/${digestOf(Buffer.from(body))}`;
    const targets = ["/v2/good/app/manifests/latest", byDigest];
    for (const target of targets) {
      scene.upstream.answer(target, async (wire) => await wire.whole("200 OK", headers, body));
    }

    for (const target of targets) {
      const answer = await scene.mirror.get(target);

      assert.equal(answer.status, 502);
      assert.equal(JSON.parse(answer.body.toString()).errors[0].detail.kind, "nonsense");
    }

    await scene.assertSound({ unstored: [SeededContent.of(Buffer.from(body))] });
    scene.upstream.heal();
    assert.deepEqual((await scene.mirror.get(targets[0] ?? "")).body, honest.bytes);
    assert.equal((await scene.mirror.get(byDigest)).status, 404);
    await scene.assertSound({ stored: [honest.content] });
  });
}

const noObjects: Readonly<Record<string, string>> = {
  "a page": page,
  nothing: "",
  "4 MiB of brackets": "[".repeat(4 * 1024 * 1024),
  "a list": "[]",
  null: "null",
};

for (const [what, body] of Object.entries(noObjects)) {
  test(`${what} of a manifest's type for a tag is 502`, async () => {
    await using scene = await FaultScene.start();
    const target = "/v2/good/app/manifests/latest";
    scene.upstream.answer(target, async (wire) => {
      await wire.whole("200 OK", { "content-type": image }, body);
    });

    const answer = await scene.mirror.get(target);

    assert.equal(answer.status, 502);
    await scene.assertSound({ unstored: [SeededContent.of(Buffer.from(body))] });
  });
}

test("bytes that have the digest are served as they are, whatever a reader would make of them", async () => {
  await using scene = await FaultScene.start();
  const { bytes } = manifestOfBytes("verbatim");
  const odd: readonly Buffer[] = [
    Buffer.concat([Buffer.from("\ufeff"), bytes]),
    Buffer.concat([bytes, Buffer.from("\r\n\r\n\0")]),
    Buffer.from(bytes.toString().replace("{", '{ "schemaVersion": 2, "__proto__": {"a": 1},')),
    Buffer.from(bytes.toString("utf8"), "utf16le"),
    Buffer.from("[".repeat(100_000)),
    Buffer.from([0xff, 0xfe, 0x00]),
  ];
  for (const sent of odd) {
    const target = `/v2/good/app/manifests/${digestOf(sent)}`;
    scene.upstream.answer(target, async (wire) => {
      await wire.whole("200 OK", { "content-type": image }, sent);
    });

    for (const state of ["cold", "stored"]) {
      const answer = await scene.mirror.get(target);

      assert.equal(answer.status, 200, state);
      assert.ok(answer.body.equals(sent), state);
    }
  }
  await scene.assertSound({ stored: odd.map((sent) => SeededContent.of(sent)) });
});

test("what a header says that a tag means is never believed against the bytes", async () => {
  await using scene = await FaultScene.start();
  const [sent, said] = [manifestOfBytes("sent"), manifestOfBytes("said")];
  const target = "/v2/good/app/manifests/latest";
  scene.upstream.answer(target, async (wire, { method }) => {
    // Only the GET lies; without a digest in the HEAD the tag is asked for by it.
    const lie: HeaderLines = method === "GET" ? { "docker-content-digest": said.digest } : {};
    await sendAs(wire, sent.bytes, lie);
  });

  for (const method of ["get", "head"] as const) {
    const answer = await scene.mirror[method](target);

    assert.equal(answer.status, 200);
    assert.equal(answer.headers["docker-content-digest"], sent.digest);
    assert.equal(answer.headers["etag"], `"${sent.digest}"`);
  }
  const bySaid = await scene.mirror.get(`/v2/good/app/manifests/${said.digest}`);
  assert.equal(bySaid.status, 404);
  await scene.assertSound({ stored: [sent.content], unstored: [said.content] });
});

test("a web page that only HEAD gives says nothing of the tag", async () => {
  await using scene = await FaultScene.start();
  const manifest = manifestOfBytes("behind a portal");
  const target = "/v2/good/app/manifests/latest";
  scene.upstream.answer(target, async (wire, { method }) => {
    if (method === "HEAD") await wire.whole("200 OK", { "content-type": "text/html" }, page);
    else await sendAs(wire, manifest.bytes, {});
  });

  const answer = await scene.mirror.get(target);

  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, manifest.bytes);
  await scene.assertSound({ stored: [manifest.content] });
});

test("a tag means one manifest for all who take it, though upstream chooses by Accept", async () => {
  await using scene = await FaultScene.start();
  const [listed, single] = [manifestOfBytes("listed"), manifestOfBytes("single")];
  const target = "/v2/good/app/manifests/latest";
  scene.upstream.answer(target, async (wire, { headers }) => {
    const chosen = headers["accept"]?.startsWith(index) ? listed : single;
    await sendAs(wire, chosen.bytes, { "docker-content-digest": chosen.digest });
  });
  for (const { digest, bytes } of [listed, single]) {
    scene.upstream.answer(`/v2/good/app/manifests/${digest}`, (wire) => sendAs(wire, bytes, {}));
  }
  const accepts = [image, index, `${image}, ${index}`, "*/*", ""];

  for (const accept of accepts) {
    const answer = await scene.mirror.get(target, { accept });

    assert.equal(answer.headers["docker-content-digest"], listed.digest, accept);
    assert.deepEqual(answer.body, listed.bytes, accept);
  }
  await scene.assertSound({ stored: [listed.content], unstored: [single.content] });
});

async function sendAs(wire: FaultWire, bytes: Buffer, headers: HeaderLines): Promise<void> {
  await wire.whole("200 OK", { "content-type": image, ...headers }, bytes);
}
