import assert from "node:assert/strict";
import { mkdtempDisposable } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { dayMs, next, old, pulledTag, tagPath } from "../support/pulled-tag.ts";
import { TestMirror } from "../support/test-mirror.ts";

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

test("a tag that moves between HEAD and GET is asked once more", async () => {
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

test("a client that pulled a tag before it moved finishes with what it meant then", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  hub.addImage("library/app", "latest", next);
  mirror.advance(60_001);
  assert.deepEqual((await mirror.get(tagPath)).body, next.manifest.bytes, "another client");

  for (const { digest, bytes } of old.blobs) {
    assert.deepEqual((await mirror.get(`/v2/app/blobs/${digest}`)).body, bytes);
  }
});

test("a tag whose repository was closed is not served again because upstream goes down", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  hub.overrideAll((_request, response) => void response.writeHead(401).end());
  mirror.advance(dayMs);
  assert.equal((await mirror.get(tagPath)).status, 403);
  assert.equal((await mirror.get(`/v2/app/manifests/${old.manifest.digest}`)).status, 403);

  await hub.down();

  assert.equal((await mirror.get(tagPath)).status, 502);
  assert.equal((await mirror.get(`/v2/app/manifests/${old.manifest.digest}`)).status, 502);
});

test("a refusal that upstream gives behind the answer denies the tag from then on as well", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  hub.override(tagPath, async (_request, response) => {
    await released;
    response.writeHead(403).end();
  });
  mirror.advance(dayMs);
  // The first one waits for the upstream that hangs, the second one does not; both questions are one.
  assert.equal((await mirror.get(tagPath)).status, 200);
  assert.equal((await mirror.get(tagPath)).status, 200);
  assert.equal(hub.count("HEAD", tagPath), 2);

  release();
  await mirror.idle();
  await hub.down();

  assert.equal((await mirror.get(tagPath)).status, 502);
});

test("a refusal by mistake does no harm within a day: the tag is served, and then checked again", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  hub.override(tagPath, (_request, response) => void response.writeHead(403).end());
  mirror.advance(60_001);
  const refused = await mirror.get(tagPath);
  await hub.down();
  const down = await mirror.get(tagPath);
  await hub.up();
  hub.override(tagPath, null);
  mirror.advance(5_001);
  const healed = await mirror.get(tagPath);

  assert.match(refused.headers["cache-status"] ?? "", /^sluice; fwd=stale; .*status 403/);
  assert.match(down.headers["cache-status"] ?? "", /^sluice; fwd=stale; .*cannot be reached/);
  assert.equal(healed.headers["cache-status"], "sluice; fwd=stale; ttl=60; detail=revalidated");
});

test("an upstream that answers now and fails then never takes a tag away, nor holds it at what it was", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  const images = [old, next];
  for (let turn = 0; turn < 6; turn++) {
    const image = images[turn % 2] ?? old;
    hub.override(tagPath, (_request, response) => void response.writeHead(500).end());
    mirror.advance(60_001);
    const failed = await mirror.get(tagPath);
    hub.override(tagPath, null);
    hub.addImage("library/app", "latest", image);
    mirror.advance(5_001);
    const answered = await mirror.get(tagPath);

    assert.equal(failed.status, 200);
    assert.deepEqual(answered.body, image.manifest.bytes);
  }
});

test("no validator goes upstream, and a 304 that nobody asked for is no answer", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  const unasked = (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(304, { "docker-content-digest": next.manifest.digest, etag: 'W/"x"' }).end();
  };
  hub.override(tagPath, unasked);
  hub.override("/v2/library/app/manifests/cold", unasked);
  mirror.advance(60_001);

  const known = await mirror.get(tagPath, { "if-none-match": '"other"' });
  const unmodified = await mirror.get(tagPath, { "if-none-match": `"${old.manifest.digest}"` });
  const cold = await mirror.get("/v2/app/manifests/cold", { "if-none-match": "*" });

  assert.deepEqual(known.body, old.manifest.bytes);
  assert.equal(known.headers["etag"], `"${old.manifest.digest}"`);
  assert.equal(unmodified.status, 304);
  assert.equal(unmodified.headers["docker-content-digest"], old.manifest.digest);
  assert.equal(cold.status, 502);
  for (const { headers } of hub.requests) {
    assert.equal(headers["if-none-match"], undefined);
    assert.equal(headers["if-modified-since"], undefined);
  }
});

test("a 304 in place of the manifest itself is no answer either", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  hub.override(tagPath, (request, response) => {
    response.writeHead(request.method === "HEAD" ? 405 : 304).end();
  });

  assert.equal((await mirror.get(tagPath)).status, 502);
  assert.deepEqual(await mirror.stored(), { blobs: 0, bytes: 0 });
});

test("a fresh tag is answered from memory: neither catalog nor upstream is asked", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-"));
  await using scene = await pulledTag({ directory: directory.path });
  const { hub, mirror } = scene;
  const before = hub.requests.length;
  emptyCatalog(directory.path);

  const answers = [await mirror.get(tagPath), await mirror.head(tagPath)];

  for (const { headers } of answers) assert.equal(headers["cache-status"], "sluice; hit; ttl=60");
  assert.deepEqual(answers[0]?.body, old.manifest.bytes);
  assert.equal(hub.requests.length, before);
});

test("a tag is known after a restart, and how old it is", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-"));
  {
    await using _scene = await pulledTag({ directory: directory.path });
  }
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": hub },
    directory: directory.path,
  });
  mirror.advance(30_000);

  const answer = await mirror.get(tagPath);

  assert.deepEqual(answer.body, old.manifest.bytes);
  assert.equal(answer.headers["cache-status"], "sluice; hit; ttl=30");
  assert.equal(answer.headers["age"], "30");
  assert.equal(hub.requests.length, 0);
});

test("within staleWhileRevalidate a tag is answered at once, with its age, and costs one HEAD behind the answer", async () => {
  await using scene = await pulledTag({ freshness: { staleWhileRevalidateMs: 600_000 } });
  const { hub, mirror } = scene;
  hub.addImage("library/app", "latest", next);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  hub.override(tagPath, async (_request, response) => {
    await released;
    response.writeHead(200, { "docker-content-digest": next.manifest.digest }).end();
  });
  const before = hub.count("HEAD", tagPath);
  mirror.advance(90_000);

  const meanwhile = await Promise.all(Array.from({ length: 50 }, () => mirror.get(tagPath)));
  release();
  await mirror.idle();
  const afterwards = await mirror.get(tagPath);

  for (const { headers, body } of meanwhile) {
    assert.equal(headers["cache-status"], "sluice; hit; ttl=-30");
    assert.equal(headers["age"], "90");
    assert.deepEqual(body, old.manifest.bytes);
  }
  assert.equal(hub.count("HEAD", tagPath), before + 1);
  assert.equal(afterwards.headers["cache-status"], "sluice; hit; ttl=60");
  assert.equal(afterwards.headers["age"], "0");
  assert.deepEqual(afterwards.body, next.manifest.bytes);
});

test("beyond staleWhileRevalidate a tag is checked before the answer", async () => {
  await using scene = await pulledTag({ freshness: { staleWhileRevalidateMs: 600_000 } });
  const { hub, mirror } = scene;
  hub.addImage("library/app", "latest", next);
  mirror.advance(660_000);

  assert.deepEqual((await mirror.get(tagPath)).body, next.manifest.bytes);
});

test("a thousand pulls of a tag wait for upstream, and the next one is told to come back", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  hub.addImage("library/app", "latest", old);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  hub.override(tagPath, async (_request, response) => {
    await released;
    response.writeHead(200, { "docker-content-digest": old.manifest.digest }).end();
  });
  using first = mirror.open(tagPath);
  await eventually("upstream is asked", () => hub.count("HEAD", tagPath) === 1);
  const others = Array.from({ length: 1_000 }, () => mirror.get(tagPath));

  const refused = await Promise.any(others);
  release();
  const answers = [await first.end(), ...(await Promise.all(others))];

  assert.equal(refused.status, 503);
  assert.equal(refused.headers["retry-after"], "10");
  assert.equal(JSON.parse(refused.body.toString()).errors[0].code, "UNAVAILABLE");
  assert.equal(answers.filter(({ status }) => status === 200).length, 1_000);
  assert.equal(hub.count("HEAD", tagPath), 1);
  assert.equal((await mirror.get(tagPath)).status, 200, "when they are gone it is as before");
});

/** Takes all that the catalog knows from it, by a connection of its own. */
function emptyCatalog(directory: string): void {
  const database = new Database(join(directory, "catalog.db"));
  database.exec(
    "DELETE FROM tag_moves; DELETE FROM tags; DELETE FROM grants; DELETE FROM blobs; DELETE FROM repositories",
  );
  database.close();
}
