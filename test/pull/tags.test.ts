import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const old = imageOfSize("old", 100);
const next = imageOfSize("next", 100);
const tagPath = "/v2/library/app/manifests/latest";
const dayMs = 24 * 3_600_000;

test("a fresh tag is answered without asking upstream, a stale one after a HEAD", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  const before = hub.requests.length;

  const fresh = await mirror.get(tagPath);
  assert.equal(hub.requests.length, before);
  mirror.advance(60_001);
  const revalidated = await mirror.get(tagPath);

  assert.equal(fresh.headers["cache-status"], "sluice; hit; ttl=60");
  assert.equal(
    revalidated.headers["cache-status"],
    "sluice; fwd=stale; ttl=60; detail=revalidated",
  );
  assert.deepEqual(
    hub.requests.slice(before).map(({ method }) => method),
    ["HEAD"],
  );
});

test("any number of clients that find a tag stale cost one HEAD", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  mirror.advance(60_001);
  const before = hub.requests.length;

  const answers = await Promise.all(Array.from({ length: 50 }, () => mirror.get(tagPath)));

  for (const { body } of answers) assert.deepEqual(body, old.manifest.bytes);
  assert.equal(hub.requests.length, before + 1);
});

test("a tag that moved is pulled by digest, and what it meant before stays", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  hub.addImage("library/app", "latest", next);

  assert.deepEqual((await mirror.get(tagPath)).body, old.manifest.bytes, "while it is fresh");
  mirror.advance(60_001);
  const moved = await mirror.get(tagPath);
  const before = await mirror.get(`/v2/app/manifests/${old.manifest.digest}`);

  assert.deepEqual(moved.body, next.manifest.bytes);
  assert.equal(moved.headers["docker-content-digest"], next.manifest.digest);
  assert.equal(hub.count("GET", next.manifest.digest), 1);
  assert.equal(hub.count("GET", "/manifests/latest"), 0);
  assert.equal(before.headers["cache-status"], "sluice; hit");
});

test("a deleted tag is not found, at once when it is asked again and while upstream is down", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  hub.removeTag("library/app", "latest");
  mirror.advance(60_001);

  const deleted = await mirror.get(tagPath);
  await hub.down();
  const again = await mirror.get(tagPath);
  mirror.advance(5_001);
  const afterwards = await mirror.get(tagPath);

  assert.equal(deleted.status, 404);
  assert.equal(JSON.parse(deleted.body.toString()).errors[0].code, "MANIFEST_UNKNOWN");
  assert.equal(again.status, 404, "what was just said is believed for a moment");
  assert.equal(afterwards.status, 502, "what it meant once is not served");
});

const troubles: Readonly<
  Record<string, (request: IncomingMessage, response: ServerResponse) => void>
> = {
  "500": (_request, response) => void response.writeHead(500).end("oops"),
  "429": (_request, response) => void response.writeHead(429, { "retry-after": "7" }).end(),
  "a cut connection": (request) => void request.socket.destroy(),
  "a 200 that is a web page": (_request, response) =>
    void response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
  "no answer at all": () => {},
};

for (const [name, trouble] of Object.entries(troubles)) {
  test(`a tag that is here is served when upstream's answer is ${name}`, async () => {
    await using scene = await pulledTag();
    const { hub, mirror } = scene;
    hub.override(tagPath, trouble);
    mirror.advance(dayMs);

    const answer = await mirror.get(tagPath);

    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body, old.manifest.bytes);
    assert.match(answer.headers["cache-status"] ?? "", /^sluice; fwd=stale; ttl=-86340; detail=/);
  });
}

test("a tag is not served stale for longer than 30 days", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  await hub.down();
  mirror.advance(30 * dayMs);

  assert.equal((await mirror.get(tagPath)).status, 502);
});

test("a repository that upstream closed is served for a day, then denied", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  hub.override(tagPath, (_request, response) => void response.writeHead(403).end());
  mirror.advance(dayMs - 1);
  const within = await mirror.get(tagPath);
  mirror.advance(1);
  const after = await mirror.get(tagPath);

  assert.equal(within.status, 200);
  assert.equal(after.status, 403);
  assert.equal(JSON.parse(after.body.toString()).errors[0].code, "DENIED");
});

test("an upstream without HEAD, or without digests, is asked by GET and the digest computed", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const { mediaType, bytes, digest } = old.manifest;
  for (const [tag, headStatus] of [
    ["a", 405],
    ["b", 200],
  ] as const) {
    hub.override(`/v2/library/app/manifests/${tag}`, (request, response) => {
      if (request.method === "HEAD") return void response.writeHead(headStatus).end();
      response.writeHead(200, { "content-type": mediaType }).end(bytes);
    });

    const answer = await mirror.get(`/v2/app/manifests/${tag}`);

    assert.deepEqual(answer.body, bytes);
    assert.equal(answer.headers["docker-content-digest"], digest);
  }
});

test("a digest header that the manifest does not have is 502, and nothing is kept", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const claimed = digestOf(Buffer.from("something else"));
  const { mediaType, bytes } = old.manifest;
  for (const path of [tagPath, `/v2/library/app/manifests/${claimed}`]) {
    hub.override(path, (request, response) => {
      response.writeHead(200, { "content-type": mediaType, "docker-content-digest": claimed });
      response.end(request.method === "HEAD" ? undefined : bytes);
    });
  }

  const answer = await mirror.get(tagPath);

  assert.equal(answer.status, 502);
  assert.deepEqual(await mirror.stored(), { blobs: 0, bytes: 0 });
});

test("a tag that moves between the two questions is asked once more", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  hub.addImage("library/app", "latest", next);
  let heads = 0;
  hub.override(tagPath, (_request, response) => {
    heads++;
    const digest = heads === 1 ? old.manifest.digest : next.manifest.digest;
    response.writeHead(200, { "docker-content-digest": digest }).end();
  });

  const answer = await mirror.get(tagPath);

  assert.deepEqual(answer.body, next.manifest.bytes);
  assert.equal(heads, 2);
});

interface Scene extends AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly mirror: TestMirror;
}

/** A mirror that has just pulled `library/app:latest`, which is `old`. */
async function pulledTag(): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeUpstream.start());
  const mirror = resources.use(await TestMirror.start({ upstreams: { "docker.io": hub } }));
  hub.addImage("library/app", "latest", old);
  await mirror.get(tagPath);
  const kept = resources.move();
  return { hub, mirror, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
