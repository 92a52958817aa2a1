import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize } from "../support/images.ts";
import { startChain, type TestChain } from "../support/test-chain.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = imageOfSize("chained freshness", 1_000);
const moved = imageOfSize("chained freshness, moved", 1_000);
const byTag = "/v2/library/app/manifests/1";

test("a tag that the parent checked a while ago is no fresher at an edge: its age counts there", async () => {
  await using hub = await FakeUpstream.start();
  await using chain = await startChain({
    hub,
    parent: { ttlMs: 100_000 },
    edges: { ttlMs: 60_000 },
  });
  hub.addImage("library/app", "1", image);
  const [edge] = chain.edges;
  await chain.parent.get(byTag);
  pass(chain, 40_000);

  const first = await edge.get(byTag);
  const hit = await edge.get(byTag);
  pass(chain, 19_000);
  const lastHit = await edge.get(byTag);
  pass(chain, 1_000);
  const asked = await edge.get(byTag);

  assert.deepEqual(
    [first, hit, lastHit, asked].map(({ headers }) => [
      headers["age"],
      own(headers["cache-status"]),
    ]),
    [
      ["40", "sluice; fwd=miss; stored"],
      ["40", "sluice; hit; ttl=20"],
      ["59", "sluice; hit; ttl=1"],
      ["60", "sluice; fwd=stale; ttl=0; detail=revalidated"],
    ],
  );
  assert.equal(hub.count("HEAD", byTag), 1);
});

test("a tag that moves is noticed through a chain within the longest ttl of its mirrors, not within their sum", async () => {
  await using hub = await FakeUpstream.start();
  await using chain = await startChain({
    hub,
    parent: { ttlMs: 60_000 },
    edges: { ttlMs: 60_000 },
  });
  hub.addImage("library/app", "1", image);
  const [edge] = chain.edges;
  await chain.parent.get(byTag);
  hub.addImage("library/app", "1", moved);
  pass(chain, 59_000);
  assert.equal((await edge.get(byTag)).headers["docker-content-digest"], image.manifest.digest);

  pass(chain, 1_000);

  assert.equal((await edge.get(byTag)).headers["docker-content-digest"], moved.manifest.digest);
});

test("a parent that serves what is old in an outage makes it no younger at an edge, nor keeps it from being served there", async () => {
  await using hub = await FakeUpstream.start();
  await using chain = await startChain({ hub });
  hub.addImage("library/app", "1", image);
  const [edge] = chain.edges;
  await chain.parent.get(byTag);
  await chain.idle();
  await hub.down();
  pass(chain, 3_600_000);

  const stale = await edge.get(byTag);
  await chain.idle();
  await chain.parent[Symbol.asyncDispose]();
  const alone = await edge.get(byTag);

  assert.deepEqual([stale.status, stale.headers["age"]], [200, "3600"]);
  assert.deepEqual([alone.status, alone.headers["age"]], [200, "3600"]);
  assert.match(alone.headers["cache-status"] ?? "", /^sluice; fwd=stale; ttl=-3540; detail=/);
});

test("an Age that is malformed, or of content by digest, counts for nothing, and a very long one as a week", async () => {
  for (const [age, counted] of [
    ["-5", 0],
    ["5.5", 0],
    ["soon", 0],
    ["99999999999", 0],
    ["", 0],
    ["9999999999", 7 * 24 * 3600],
  ] as const) {
    await using hub = await FakeUpstream.start();
    await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
    hub.addImage("library/app", "1", image);
    const { bytes, mediaType, digest } = image.manifest;
    for (const reference of ["1", digest]) {
      hub.override(`/v2/library/app/manifests/${reference}`, (request, response) => {
        response.writeHead(200, {
          "content-type": mediaType,
          "docker-content-digest": digest,
          "content-length": bytes.length,
          age: reference === "1" ? age : "7",
        });
        response.end(request.method === "HEAD" ? undefined : bytes);
      });
    }

    assert.equal((await mirror.get(byTag)).headers["age"], String(counted), age);
    const byDigest = await mirror.get(`/v2/library/app/manifests/${digest}`);
    assert.equal(byDigest.headers["age"], undefined);
  }
});

/** Time passes at all of them. */
function pass({ parent, edges }: TestChain, durationMs: number): void {
  for (const mirror of [parent, ...edges]) mirror.advance(durationMs);
}

/** What the mirror that answered said, without those before it. */
function own(cacheStatus: string | undefined): string | undefined {
  return cacheStatus?.split(", ").at(-1);
}
