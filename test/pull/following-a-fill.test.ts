import assert from "node:assert/strict";
import { test } from "node:test";
import { holdBackBytes } from "../../src/mirror/fills/hold-back.ts";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { noiseBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const mib = 1024 * 1024;

test("20 clients that ask for one cold blob cost one GET upstream", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("twenty", 3 * mib);
  hub.addBlob("library/app", blob);
  const release = hub.hold("library/app", blob.digest, mib);

  const asking = Array.from({ length: 20 }, () => mirror.get(`/v2/app/blobs/${blob.digest}`));
  using late = mirror.open(`/v2/app/blobs/${blob.digest}`);
  await late.when(({ body }) => body.length === mib);
  release();
  const answers = await Promise.all(asking);

  for (const { complete, body } of answers) assert.ok(complete && body.equals(blob.bytes));
  assert.ok((await late.end()).body.equals(blob.bytes));
  assert.equal(hub.count("GET", "/blobs/"), 1);
});

test("a client that joins late reads at once what has come", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("late", 2 * mib);
  hub.addBlob("library/app", blob);
  const release = hub.hold("library/app", blob.digest, mib);
  using first = mirror.open(`/v2/app/blobs/${blob.digest}`);
  await first.when(({ body }) => body.length === mib);

  using late = mirror.open(`/v2/app/blobs/${blob.digest}`);
  const begun = await late.when(({ body }) => body.length === mib);

  assert.deepEqual(begun.body, blob.bytes.subarray(0, mib));
  assert.equal(begun.headers["cache-status"], "sluice; fwd=miss; collapsed");
  release();
  assert.deepEqual((await late.end()).body, blob.bytes);
});

test("the last bytes are held back until the digest is verified", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("held", mib);
  hub.addBlob("library/app", blob);
  const release = hub.hold("library/app", blob.digest, mib - 1);

  using request = mirror.open(`/v2/app/blobs/${blob.digest}`);
  const before = await request.when(({ body }) => body.length === mib - holdBackBytes);
  using early = mirror.open(`/v2/app/blobs/${blob.digest}`, { range: "bytes=1000-1999" });
  const part = await early.end();

  assert.equal(before.complete, false);
  assert.deepEqual(part.body, blob.bytes.subarray(1000, 2000));
  assert.equal(part.complete, true);
  release();
  assert.deepEqual((await request.end()).body, blob.bytes);
});

test("a fill goes on after the client that began it has left", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("left", 2 * mib);
  hub.addBlob("library/app", blob);
  const release = hub.hold("library/app", blob.digest, mib);
  {
    using request = mirror.open(`/v2/app/blobs/${blob.digest}`);
    await request.when(({ body }) => body.length === mib);
  }
  release();
  await mirror.idle();

  const answer = await mirror.get(`/v2/app/blobs/${blob.digest}`);

  assert.equal(answer.headers["cache-status"], "sluice; hit");
  assert.deepEqual(answer.body, blob.bytes);
  assert.equal(hub.count("GET", "/blobs/"), 1);
});

test("at most four fills of an upstream go on without readers: the newest beyond that is ended, and none of another", async () => {
  await using hub = await FakeUpstream.start();
  await using other = await FakeUpstream.start();
  const upstreams = { "docker.io": hub, "other.test": other };
  await using mirror = await TestMirror.start({ upstreams });
  const blobs = Array.from({ length: 6 }, (_, at) => noiseBlob(`detached ${at}`, 2 * mib));
  const places = blobs.map((blob, at) => {
    const [upstream, name] = at < 5 ? [hub, "docker.io"] : [other, "other.test"];
    upstream.addBlob("library/app", blob);
    const release = upstream.hold("library/app", blob.digest, mib);
    return { target: `/v2/${name}/library/app/blobs/${blob.digest}`, release };
  });
  const requests = [];
  for (const { target } of places) {
    const request = mirror.open(target);
    await request.when(({ body }) => body.length === mib);
    requests.push(request);
  }

  for (const request of requests) request[Symbol.dispose]();
  await eventually("the mirror knows that all have left", () => {
    return mirror.logLines.filter(({ left }) => left !== undefined).length === 6;
  });
  for (const { release } of places) release();
  await mirror.idle();

  const outcomes = [];
  for (const { target } of places) {
    outcomes.push((await mirror.get(target)).headers["cache-status"]);
  }
  const hits = Array.from({ length: 4 }, () => "sluice; hit");
  assert.deepEqual(outcomes, [...hits, "sluice; fwd=miss; stored", "sluice; hit"]);
});

test("a blob of unknown length is chunked, whole and verified", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("chunked", 100_000);
  hub.override(`/v2/library/app/blobs/${blob.digest}`, (_request, response) => {
    response.write(blob.bytes.subarray(0, 50_000));
    response.end(blob.bytes.subarray(50_000));
  });

  const answer = await mirror.get(`/v2/app/blobs/${blob.digest}`, { range: "bytes=0-9" });

  assert.equal(answer.status, 200);
  assert.equal(answer.headers["content-length"], undefined);
  assert.equal(answer.complete, true);
  assert.deepEqual(answer.body, blob.bytes);
});

test("repositories that wait for one blob of an upstream in trouble share its few tries", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const { digest } = noiseBlob("in trouble", mib);
  const repositories = ["team/a", "team/b", "team/c"];
  const asked = Promise.withResolvers<void>();
  const proven = Promise.withResolvers<void>();
  for (const repository of repositories) {
    hub.override(`/v2/${repository}/blobs/${digest}`, async ({ method }, response) => {
      asked.resolve();
      if (method === "GET") await proven.promise;
      response.writeHead(method === "GET" ? 503 : 200).end();
    });
  }
  const first = mirror.get(`/v2/team/a/blobs/${digest}`);
  await asked.promise;

  const others = repositories.slice(1).map((name) => mirror.get(`/v2/${name}/blobs/${digest}`));
  await eventually("the others hold it too", () => hub.count("HEAD", digest) === 2);
  proven.resolve();
  const answers = await Promise.all([first, ...others]);

  for (const { status } of answers) assert.equal(status, 503);
  assert.ok(hub.count("GET", digest) <= 6, `asked ${hub.count("GET", digest)} times`);
});

// Whoever proved that it may join while the fill ended began a second one, for what was stored by then.
test("a repository whose right is proven only when another's fill has ended is served what that stored", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("proven late", mib);
  hub.addBlob("team/a", blob);
  const proven = Promise.withResolvers<void>();
  hub.override(`/v2/team/b/blobs/${blob.digest}`, async ({ method }, response) => {
    if (method === "HEAD") await proven.promise;
    response.writeHead(200, { "content-length": blob.bytes.length }).end(blob.bytes);
  });
  const release = hub.hold("team/a", blob.digest, 100_000);
  const first = mirror.get(`/v2/team/a/blobs/${blob.digest}`);
  await eventually("the fill has begun", () => hub.count("GET", blob.digest) === 1);
  const other = mirror.get(`/v2/team/b/blobs/${blob.digest}`);
  await eventually("the other is asked for", () => hub.count("HEAD", blob.digest) === 1);

  release();
  assert.ok((await first).body.equals(blob.bytes));
  await eventually("no fill runs", () => mirror.daemon.mirror.fills.length === 0);
  proven.resolve();
  const answer = await other;

  assert.ok(answer.body.equals(blob.bytes));
  assert.equal(answer.headers["cache-status"], "sluice; hit");
  assert.equal(hub.count("GET", blob.digest), 1);
});
