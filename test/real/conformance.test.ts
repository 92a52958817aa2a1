import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { digestOf } from "../../src/oci/digest.ts";
import { referrerDescriptor } from "../support/artifacts.ts";
import { type Answer, ask, type Question } from "../support/ask.ts";
import {
  type CorpusImage,
  ghcrCorpus,
  hubCorpus,
  manyTags,
  pushCorpus,
} from "../support/corpus.ts";
import { CorpusRegistries } from "../support/corpus-registries.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { topLayerOf } from "../support/images.ts";
import { pagedTags } from "../support/paged-tags.ts";
import { haveAll } from "../support/real-program.ts";
import { SluiceProcess } from "../support/sluice-process.ts";

/** One requirement of the OCI distribution spec 1.1 on registries that can be pulled from. */
interface Row {
  /** The heading in the spec. */
  readonly section: string;
  readonly rule: string;
  readonly target: string;
  readonly question?: Question;
  readonly answer: Expected;
  /** Why it does not hold. */
  readonly todo?: string;
}

interface Expected {
  readonly status: number;
  /** Each as it must be, or null if it must be missing. */
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly bytes?: Buffer;
  readonly json?: unknown;
  /** Of the one error that the body must tell. */
  readonly code?: string;
}

const { multi, list, schema2 } = hubCorpus;
const { signed, signatureArtifact, bom, chart } = ghcrCorpus;
const layer = topLayerOf(signed.image);
const manifestTarget = `/v2/${on(signed)}/manifests/${signed.image.manifest.digest}`;
const tagTarget = `/v2/${on(signed)}/manifests/1`;
const blobTarget = `/v2/${on(signed)}/blobs/${layer.digest}`;
const referrersTarget = `/v2/${on(signed)}/referrers/${signed.image.manifest.digest}`;
const unknownDigest = digestOf(Buffer.from("nobody has this"));
const head = { method: "HEAD" };

const pulling: readonly Row[] = [
  {
    section: "Determining Support",
    rule: "GET /v2/ says 200",
    target: "/v2/",
    answer: { status: 200 },
  },
  ...[multi, list, schema2, signed, bom, chart].map(
    (image): Row => ({
      section: "Pulling manifests",
      rule: `a manifest by digest has its own bytes, type and digest: ${image.repository}`,
      target: `/v2/${on(image)}/manifests/${image.image.manifest.digest}`,
      answer: manifestOf(image),
    }),
  ),
  {
    section: "Pulling manifests",
    rule: "a tag yields the manifest that it names",
    target: tagTarget,
    answer: manifestOf(signed),
  },
  {
    section: "Pulling manifests",
    rule: "what the client would rather have changes no bytes",
    target: tagTarget,
    question: {
      headers: {
        accept: "application/vnd.docker.distribution.manifest.v1+json, application/*;q=0.1",
      },
    },
    answer: manifestOf(signed),
  },
  {
    section: "Pulling manifests",
    rule: "a tag that is not there is 404",
    target: `/v2/${on(signed)}/manifests/missing`,
    answer: { status: 404, code: "MANIFEST_UNKNOWN" },
  },
  {
    section: "Pulling manifests",
    rule: "a digest that is not there is 404",
    target: `/v2/${on(signed)}/manifests/${unknownDigest}`,
    answer: { status: 404, code: "MANIFEST_UNKNOWN" },
  },
  {
    section: "Pulling manifests",
    rule: "a manifest of another repository is 404",
    target: `/v2/${on(chart)}/manifests/${signed.image.manifest.digest}`,
    answer: { status: 404, code: "MANIFEST_UNKNOWN" },
  },
  {
    section: "Pulling blobs",
    rule: "a blob has its own bytes and digest",
    target: blobTarget,
    answer: {
      status: 200,
      headers: { "docker-content-digest": layer.digest, "content-length": lengthOf(layer.bytes) },
      bytes: layer.bytes,
    },
  },
  {
    section: "Pulling blobs",
    rule: "a blob that is not there is 404",
    target: `/v2/${on(signed)}/blobs/${unknownDigest}`,
    answer: { status: 404, code: "BLOB_UNKNOWN" },
  },
  {
    section: "Pulling blobs",
    rule: "a blob of another repository is 404",
    target: `/v2/${on(chart)}/blobs/${layer.digest}`,
    answer: { status: 404, code: "BLOB_UNKNOWN" },
  },
  ...[
    { range: "bytes=0-0", first: 0, end: 1 },
    { range: "bytes=10-19", first: 10, end: 20 },
    { range: "bytes=100-", first: 100, end: layer.bytes.length },
    { range: "bytes=-7", first: layer.bytes.length - 7, end: layer.bytes.length },
  ].map(
    ({ range, first, end }): Row => ({
      section: "Pulling blobs",
      rule: `a Range is honoured: ${range}`,
      target: blobTarget,
      question: { headers: { range } },
      answer: {
        status: 206,
        headers: { "content-range": `bytes ${first}-${end - 1}/${layer.bytes.length}` },
        bytes: layer.bytes.subarray(first, end),
      },
    }),
  ),
  {
    section: "Pulling blobs",
    rule: "a Range beyond the end is 416",
    target: blobTarget,
    question: { headers: { range: `bytes=${layer.bytes.length}-` } },
    answer: { status: 416, headers: { "content-range": `bytes */${layer.bytes.length}` } },
  },
];

const existing: readonly Row[] = [
  ...[manifestTarget, tagTarget].map(
    (target): Row => ({
      section: "Checking if content exists in the registry",
      rule: `HEAD of a manifest has the headers of its GET: ${target}`,
      target,
      question: head,
      answer: { ...manifestOf(signed), bytes: Buffer.alloc(0) },
    }),
  ),
  {
    section: "Checking if content exists in the registry",
    rule: "HEAD of a blob has the headers of its GET",
    target: blobTarget,
    question: head,
    answer: {
      status: 200,
      headers: { "docker-content-digest": layer.digest, "content-length": lengthOf(layer.bytes) },
      bytes: Buffer.alloc(0),
    },
  },
  ...[
    `/v2/${on(signed)}/manifests/missing`,
    `/v2/${on(signed)}/manifests/${unknownDigest}`,
    `/v2/${on(signed)}/blobs/${unknownDigest}`,
  ].map(
    (target): Row => ({
      section: "Checking if content exists in the registry",
      rule: `HEAD of what is not there is 404: ${target}`,
      target,
      question: head,
      answer: { status: 404, bytes: Buffer.alloc(0) },
    }),
  ),
];

const sortedTags = manyTags.tags.toSorted();
const pagedTarget = `/v2/quay.io/${manyTags.repository}/tags/list`;
const tagsTarget = `/v2/${on(manyTags)}/tags/list`;

const listingTags: readonly Row[] = [
  {
    section: "Listing Tags",
    rule: "n is the most that is listed, and Link leads to the rest",
    target: `${pagedTarget}?n=3`,
    answer: {
      ...tagsAre(sortedTags.slice(0, 3)),
      headers: { link: `<${pagedTarget}?n=3&last=${sortedTags[2]}>; rel="next"` },
    },
  },
  {
    section: "Listing Tags",
    rule: "last is where the list goes on, without it",
    target: `${pagedTarget}?n=3&last=${sortedTags[2]}`,
    answer: tagsAre(sortedTags.slice(3, 6)),
  },
  {
    section: "Listing Tags",
    rule: "the last page has no Link",
    target: `${pagedTarget}?last=${sortedTags.at(-3)}`,
    answer: { ...tagsAre(sortedTags.slice(-2)), headers: { link: null } },
  },
  {
    section: "Listing Tags",
    rule: "n=0 lists nothing, without a Link",
    target: `${pagedTarget}?n=0`,
    answer: { ...tagsAre([]), headers: { link: null } },
  },
  {
    section: "Listing Tags",
    rule: "the tags of a repository that is not there are 404",
    target: "/v2/ghcr.io/sluice-corpus/nothing/tags/list",
    answer: { status: 404, code: "NAME_UNKNOWN" },
  },
  ...[
    { rule: "in lexical order", target: tagsTarget, tags: sortedTags },
    { rule: "n", target: `${tagsTarget}?n=3`, tags: sortedTags.slice(0, 3) },
    { rule: "n=0", target: `${tagsTarget}?n=0`, tags: [] },
    { rule: "last", target: `${tagsTarget}?last=${sortedTags[246]}`, tags: sortedTags.slice(247) },
  ].map(
    ({ rule, target, tags }): Row => ({
      section: "Listing Tags",
      rule: `of an upstream without pages: ${rule}`,
      target,
      answer: tagsAre(tags),
    }),
  ),
];

const indexType = "application/vnd.oci.image.index.v1+json";
const [signatureReferrer, bomReferrer] = [signatureArtifact, bom].map(({ image }) =>
  referrerDescriptor(image),
);

// docker-registry 2.8 lists no referrers: the mirror makes the list from the tag that clients keep instead.
const listingReferrers: readonly Row[] = [
  {
    section: "Listing Referrers",
    rule: "an index of all that refer to the digest, each with its type and annotations",
    target: referrersTarget,
    answer: {
      ...referrersAre([signatureReferrer, bomReferrer]),
      headers: { "content-type": indexType, "oci-filters-applied": null },
    },
  },
  {
    section: "Listing Referrers",
    rule: "artifactType lists those of the type, and the answer says so",
    target: `${referrersTarget}?artifactType=application/spdx%2Bjson`,
    answer: {
      ...referrersAre([bomReferrer]),
      headers: { "content-type": indexType, "oci-filters-applied": "artifactType" },
    },
  },
  {
    section: "Listing Referrers",
    rule: "artifactType that nothing has lists nothing",
    target: `${referrersTarget}?artifactType=application/unheard-of`,
    answer: { ...referrersAre([]), headers: { "oci-filters-applied": "artifactType" } },
  },
  {
    section: "Listing Referrers",
    rule: "what nothing refers to has an empty index, and no 404",
    target: `/v2/${on(chart)}/referrers/${chart.image.manifest.digest}`,
    answer: { ...referrersAre([]), headers: { "content-type": indexType } },
  },
  {
    section: "Listing Referrers",
    rule: "what is not there has an empty index too",
    target: `/v2/${on(signed)}/referrers/${unknownDigest}`,
    answer: referrersAre([]),
  },
  {
    section: "Listing Referrers",
    rule: "a digest that is none is 400",
    target: `/v2/${on(signed)}/referrers/sha256:abc`,
    answer: { status: 400, code: "DIGEST_INVALID" },
  },
];

const refusals: readonly Row[] = [
  {
    section: "Error Codes",
    rule: "a blob's digest that is none is DIGEST_INVALID",
    target: `/v2/${on(signed)}/blobs/sha256:abc`,
    answer: { status: 400, code: "DIGEST_INVALID" },
  },
  {
    section: "Error Codes",
    rule: "a name outside the grammar is NAME_INVALID",
    target: "/v2/ghcr.io/UPPER/manifests/1",
    answer: { status: 400, code: "NAME_INVALID" },
  },
  {
    section: "Error Codes",
    rule: "a tag of 129 characters is MANIFEST_INVALID",
    target: `/v2/${on(signed)}/manifests/${"a".repeat(129)}`,
    answer: { status: 400, code: "MANIFEST_INVALID" },
  },
  ...[
    ["Pushing blobs", "POST", `/v2/${on(signed)}/blobs/uploads/`],
    [
      "Mounting a blob from another repository",
      "POST",
      `/v2/a/blobs/uploads/?mount=${layer.digest}&from=b`,
    ],
    ["Pushing blobs", "PUT", `/v2/${on(signed)}/blobs/uploads/1?digest=${layer.digest}`],
    ["Pushing a blob in chunks", "PATCH", `/v2/${on(signed)}/blobs/uploads/1`],
    ["Pushing Manifests", "PUT", tagTarget],
    ["Deleting tags", "DELETE", tagTarget],
    ["Deleting Manifests", "DELETE", manifestTarget],
    ["Deleting Blobs", "DELETE", blobTarget],
  ].map(
    ([section = "", method = "", target = ""]): Row => ({
      section,
      rule: `${method} is not what a mirror does`,
      target,
      question: { method, body: Buffer.from("{}") },
      answer: { status: 405, headers: { allow: "GET, HEAD" }, code: "UNSUPPORTED" },
    }),
  ),
];

test("the mirror meets the distribution spec 1.1 for pulling and content discovery", async (t) => {
  if (!haveAll(t, "docker-registry")) return;
  await using registries = await CorpusRegistries.start();
  await pushCorpus(registries.ghcr, [manyTags]);
  await using paging = await FakeUpstream.start();
  paging.override(
    `/v2/${manyTags.repository}/tags/list`,
    pagedTags(manyTags.repository, manyTags.tags, 100),
  );
  const upstreams = { ...registries.upstreams, "quay.io": { endpoints: [paging.url] } };
  await using mirror = await SluiceProcess.start({ upstreams });

  for (const row of [...pulling, ...existing, ...listingTags, ...listingReferrers, ...refusals]) {
    const options = row.todo ? { todo: row.todo } : {};
    await t.test(`${row.section}: ${row.rule}`, options, async () => {
      assertIs(await ask(`${mirror.url}${row.target}`, row.question), row.answer);
    });
  }

  await t.test(
    "Listing Tags: every tag is on one of the pages that Link leads through",
    async () => {
      const tags: string[] = [];
      for (let target: string | null = `${pagedTarget}?n=99`; target; ) {
        const page = await ask(`${mirror.url}${target}`);
        tags.push(...JSON.parse(page.bytes.toString()).tags);
        target = /^<([^>]+)>; rel="next"$/.exec(String(page.headers["link"]))?.[1] ?? null;
      }
      assert.deepEqual(tags, sortedTags);
    },
  );

  // Not of the spec, which only keeps its name free; distribution's own API, "Listing Repositories".
  await t.test("_catalog lists repositories, at most n at a time", async () => {
    const whole = await ask(`${mirror.url}/v2/_catalog`);
    const page = await ask(`${mirror.url}/v2/_catalog?n=1`);

    assert.equal(whole.status, 200);
    const { repositories } = JSON.parse(whole.bytes.toString());
    assert.ok(repositories.length > 1, `more than one of ${repositories}`);
    assert.deepEqual(JSON.parse(page.bytes.toString()), { repositories: repositories.slice(0, 1) });
    assert.match(String(page.headers["link"]), /^<\/v2\/_catalog\?[^>]*last=[^>]+>; rel="next"$/);
  });
});

function assertIs(got: Answer, expected: Expected): void {
  assert.equal(got.status, expected.status, got.bytes.toString("utf8", 0, 500));
  for (const [name, value] of Object.entries(expected.headers ?? {})) {
    assert.equal(got.headers[name] ?? null, value, name);
  }
  if (expected.bytes) assert.ok(got.bytes.equals(expected.bytes), "the very bytes");
  if (expected.json) assertSame(JSON.parse(got.bytes.toString()), expected.json);
  if (expected.code) assertTells(got, expected.code);
}

// Without the difference, which for hundreds of tags is long.
function assertSame(got: unknown, expected: unknown): void {
  const [is, mustBe] = [got, expected].map((value) => JSON.stringify(value).slice(0, 300));
  assert.ok(isDeepStrictEqual(got, expected), `${is} must be ${mustBe}`);
}

function assertTells(got: Answer, code: string): void {
  assert.equal(got.headers["content-type"], "application/json");
  const { errors } = JSON.parse(got.bytes.toString());
  assert.deepEqual(
    errors.map((error: { readonly code: string }) => error.code),
    [code],
  );
}

function manifestOf({ image: { manifest } }: CorpusImage): Expected {
  return {
    status: 200,
    headers: {
      "content-type": manifest.mediaType,
      "docker-content-digest": manifest.digest,
      "content-length": lengthOf(manifest.bytes),
    },
    bytes: manifest.bytes,
  };
}

function tagsAre(tags: readonly string[]): Expected {
  return { status: 200, json: { name: manyTags.repository, tags } };
}

function referrersAre(manifests: readonly unknown[]): Expected {
  return { status: 200, json: { schemaVersion: 2, mediaType: indexType, manifests } };
}

function lengthOf(bytes: Buffer): string {
  return String(bytes.length);
}

/** The repository as clients of the mirror name it: the hub is the default. */
function on({ repository }: CorpusImage): string {
  const isGhcr = [...Object.values(ghcrCorpus), manyTags].some(
    (image) => image.repository === repository,
  );
  return isGhcr ? `ghcr.io/${repository}` : repository;
}
