import assert from "node:assert/strict";
import { test } from "node:test";
import { manifestMediaTypes } from "../../src/oci/manifest.ts";
import { type Answer, FakeUpstream } from "../support/fake-upstream.ts";
import { dockerImage, imageOfSize, ociImage } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = imageOfSize("honest", 10);
const other = imageOfSize("other", 10);
const { digest, bytes, mediaType } = image.manifest;
const byTag = "/v2/team/app/manifests/latest";
const byDigest = `/v2/team/app/manifests/${digest}`;

type Headers = Readonly<Record<string, string | string[]>>;

const sending =
  (body: Buffer | string, headers: Headers, status = 200): Answer =>
  (request, response) => {
    response.writeHead(status, headers as Record<string, string>);
    response.end(request.method === "HEAD" ? undefined : body);
  };

const html = "<!doctype html><title>Log in to the hotel's network</title>";
const ofTag = { "content-type": mediaType, "docker-content-digest": digest };

interface Lie {
  readonly what: string;
  readonly at: Readonly<Record<string, Answer>>;
  readonly ask: string;
  readonly says?: RegExp;
}

const lies: readonly Lie[] = [
  {
    what: "other bytes for a digest",
    at: { [byDigest]: sending(other.manifest.bytes, { "content-type": mediaType }) },
    ask: byDigest,
    says: new RegExp(`asked for ${digest} it sent ${other.manifest.digest}`),
  },
  {
    what: "other bytes for a digest, with the right header",
    at: { [byDigest]: sending(other.manifest.bytes, ofTag) },
    ask: byDigest,
  },
  {
    what: "a byte too many for a digest",
    at: { [byDigest]: sending(Buffer.concat([bytes, Buffer.from("\n")]), ofTag) },
    ask: byDigest,
  },
  {
    what: "a byte too few for a digest",
    at: { [byDigest]: sending(bytes.subarray(1), ofTag) },
    ask: byDigest,
  },
  {
    what: "nothing for a digest",
    at: { [byDigest]: sending("", ofTag) },
    ask: byDigest,
  },
  {
    what: "a byte order mark before the bytes of a digest",
    at: { [byDigest]: sending(Buffer.concat([Buffer.from("\ufeff"), bytes]), ofTag) },
    ask: byDigest,
  },
  {
    what: "a digest for the tag whose GET gives other bytes",
    at: {
      [byTag]: sending(bytes, ofTag),
      [byDigest]: sending(other.manifest.bytes, { "content-type": mediaType }),
    },
    ask: byTag,
  },
  {
    what: "a digest for the tag that it does not have",
    at: { [byTag]: sending(bytes, ofTag), [byDigest]: sending("", {}, 404) },
    ask: byTag,
    says: /no manifest of the digest/,
  },
  {
    what: "a web page for the tag",
    at: { [byTag]: sending(html, { "content-type": "text/html" }) },
    ask: byTag,
    says: /text\/html/,
  },
  {
    what: "a web page with a manifest's type for the digest",
    at: { [byDigest]: sending(html, { "content-type": mediaType }) },
    ask: byDigest,
  },
  {
    what: "the right bytes as a web page",
    at: { [byDigest]: sending(bytes, { "content-type": "text/html" }) },
    ask: byDigest,
    says: /text\/html/,
  },
  {
    what: "the right bytes as another type of manifest",
    at: { [byDigest]: sending(bytes, { "content-type": manifestMediaTypes[0] ?? "" }) },
    ask: byDigest,
    says: /says it is/,
  },
  {
    what: "the right bytes with two types",
    at: { [byDigest]: sending(bytes, { "content-type": [mediaType, "text/html"] }) },
    ask: byDigest,
  },
];

for (const { what, at, ask, says = /makes no sense/ } of lies) {
  test(`${what}: 502, and nothing of it is kept`, async () => {
    await using hub = await FakeUpstream.start();
    await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
    for (const [path, answer] of Object.entries(at)) hub.override(path, answer);

    const lied = await mirror.get(ask);

    const [error] = JSON.parse(lied.body.toString()).errors;
    assert.equal(lied.status, 502);
    assert.equal(error.code, "UNAVAILABLE");
    assert.equal(error.detail.kind, "nonsense");
    assert.match(error.message, says);
    assert.deepEqual(await mirror.stored(), { blobs: 0, bytes: 0 });
    for (const path of Object.keys(at)) hub.override(path, null);
    hub.addImage("team/app", "latest", image);
    const honest = await mirror.get(ask);
    assert.equal(honest.status, 200);
    assert.deepEqual(honest.body, bytes);
  });
}

const junk: readonly Headers[] = [
  {},
  { "docker-content-digest": "" },
  { "docker-content-digest": "<script>alert(1)</script>" },
  { "docker-content-digest": "sha256:" },
  { "docker-content-digest": digest.toUpperCase() },
  { "docker-content-digest": `${digest}0` },
  { "docker-content-digest": `md5:${digest.slice(7, 39)}` },
  { "docker-content-digest": [digest, other.manifest.digest] },
];

test("a tag whose digest upstream does not say is hashed here, whatever its header holds", async (t) => {
  for (const headers of junk) {
    await t.test(JSON.stringify(headers).slice(0, 80), async () => {
      await using hub = await FakeUpstream.start();
      await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
      hub.override(byTag, sending(bytes, { "content-type": mediaType, ...headers }));

      const answer = await mirror.get(byTag);

      assert.equal(answer.status, 200);
      assert.deepEqual(answer.body, bytes);
      assert.equal(answer.headers["docker-content-digest"], digest);
      assert.equal(answer.headers["content-type"], mediaType);
    });
  }
});

test("manifests are the bytes upstream sent, whatever they look like", async (t) => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const images = [
    ociImage({ layers: [] }),
    dockerImage({ layers: [[{ path: "a", bytes: Buffer.from("a") }]] }),
  ];
  for (const [at, { manifest }] of images.entries()) {
    await t.test(manifest.mediaType, async () => {
      const path = `/v2/team/app/manifests/v${at}`;
      const type = `${manifest.mediaType}; charset=utf-8`;
      hub.override(path, sending(manifest.bytes, { "content-type": type }));

      const answer = await mirror.get(path);

      assert.deepEqual(answer.body, manifest.bytes);
      assert.equal(answer.headers["content-type"], manifest.mediaType);
      assert.equal(answer.headers["docker-content-digest"], manifest.digest);
    });
  }
});
