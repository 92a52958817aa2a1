import assert from "node:assert/strict";
import { test } from "node:test";
import type { UpstreamLoad } from "../../src/admin/load.ts";
import type { ServerConfig, UpstreamConfig } from "../../src/config/config.ts";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, noiseBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const name = "docker.io";
const hourMs = 3_600_000;
const endless = { connectMs: hourMs, headersMs: hourMs, answerMs: hourMs, bodyIdleMs: hourMs };

test("a fill waits its turn for a connection to a busy upstream, and has it until its last byte", async () => {
  await using scene = await start({ maxConnections: 1, timeouts: endless });
  const { upstream, mirror } = scene;
  const [one, other] = [scene.held("one"), scene.held("other")];
  const first = mirror.open(one.target);
  await eventually("the first is asked for", () => upstream.count("GET", one.digest) === 1);
  const second = mirror.open(other.target);
  await eventually("the second waits", async () => (await scene.load()).awaitingConnection === 1);
  const load = await scene.load();
  assert.deepEqual([load.connections, load.mostConnections, load.refuses], [1, 1, false]);
  assert.equal(upstream.count("GET", other.digest), 0);

  one.release();
  await eventually("the second is asked for", () => upstream.count("GET", other.digest) === 1);
  other.release();
  for (const client of [first, second]) assert.equal((await client.end()).complete, true);
  await mirror.idle();
  await eventually("nothing is held", async () => (await scene.load()).connections === 0);
});

test("where an upstream is busy a cold pull is 503 with its name, a stale one is served, and hits and lists go on", async () => {
  await using scene = await start({ maxConnections: 1, timeouts: endless });
  const { upstream, mirror } = scene;
  const image = imageOfSize("warm", 300_000);
  upstream.addImage("team/app", "warm", image);
  const tag = "/v2/team/app/manifests/warm";
  assert.equal((await mirror.get(tag)).status, 200);
  await mirror.idle();
  const held = [scene.held("one"), scene.held("other")];
  await using clients = new AsyncDisposableStack();
  for (const [at, { target, release }] of held.entries()) {
    clients.defer(release);
    clients.use(mirror.open(target));
    await eventually("all is taken", async () => {
      const { connections, awaitingConnection } = await scene.load();
      return connections + awaitingConnection === at + 1;
    });
  }

  const cold = await mirror.get("/v2/team/app/manifests/cold");
  assert.equal(cold.status, 503);
  assert.equal(cold.headers["retry-after"], "5");
  assert.match(
    cold.body.toString(),
    /docker\.io is not asked now: it has 1 connections, all that upstreams/,
  );
  assert.equal((await mirror.get(tag)).headers["cache-status"]?.includes("hit"), true);
  mirror.advance(hourMs);
  const stale = await mirror.get(tag);
  assert.equal(stale.status, 200);
  assert.match(String(stale.headers["cache-status"]), /fwd=stale.*is not asked now/);
  const list = await mirror.get("/v2/team/app/tags/list");
  assert.deepEqual(JSON.parse(list.body.toString()).tags, ["warm"]);
  assert.equal((await scene.load()).refuses, true);
  const told = (await mirror.admin("/metrics")).body.toString();
  assert.match(told, /^sluice_upstream_connections\{upstream="docker.io"\} 1$/m);
  assert.match(told, /^sluice_upstream_connections_limit\{upstream="docker.io"\} 1$/m);
  assert.match(told, /^sluice_upstream_connections_awaited\{upstream="docker.io"\} 1$/m);
  assert.match(told, /^sluice_upstream_awaited_by_requests\{upstream="docker.io"\} 2$/m);
  // The upstream is not to blame.
  assert.match(
    (await mirror.admin("/metrics")).body.toString(),
    /^sluice_upstream_up\{upstream="docker.io"\} 1$/m,
  );
});

test("no more than a share of all clients waits for one upstream: whoever is beyond is 503, and upstream is not asked", async () => {
  await using scene = await start({ timeouts: endless }, { maxConnections: 4 });
  const { upstream, mirror } = scene;
  await using clients = new AsyncDisposableStack();
  const held = ["one", "two"].map((seed) => scene.held(seed));
  for (const { target, release } of held) {
    clients.defer(release);
    clients.use(mirror.open(target));
  }
  await eventually("two wait", async () => (await scene.load()).awaitingAnswer === 2);

  const third = scene.held("three");
  clients.defer(third.release);
  const refused = await mirror.get(third.target);
  assert.equal(refused.status, 503);
  assert.match(refused.body.toString(), /2 requests wait for it, and of the 4 connections/);
  assert.equal(upstream.count("GET", third.digest), 0);

  for (const { release } of held) release();
  third.release();
  await eventually("nobody waits", async () => (await scene.load()).awaitingAnswer === 0);
  assert.equal((await mirror.get(third.target)).status, 200);
});

test("a larger maxConnections of an upstream counts from the reload on, for those who wait already", async () => {
  await using scene = await start({ maxConnections: 1, timeouts: endless });
  const { upstream, mirror } = scene;
  const [one, other] = [scene.held("one"), scene.held("other")];
  const clients = [mirror.open(one.target)];
  await eventually("the first is asked for", () => upstream.count("GET", one.digest) === 1);
  clients.push(mirror.open(other.target));
  await eventually("the second waits", async () => (await scene.load()).awaitingConnection === 1);

  mirror.reload({ [name]: upstream }, { [name]: { maxConnections: 2 } });
  await eventually("the second is asked for", () => upstream.count("GET", other.digest) === 1);

  assert.deepEqual([(await scene.load()).connections], [2]);
  one.release();
  other.release();
  for (const client of clients) assert.equal((await client.end()).complete, true);
});

interface HeldBlob {
  readonly digest: string;
  readonly target: string;
  /** Lets its answer begin. */
  readonly release: () => void;
}

interface Scene extends AsyncDisposable {
  readonly upstream: FakeUpstream;
  readonly mirror: TestMirror;
  /** A blob of which nothing is sent. */
  held(seed: string): HeldBlob;
  load(): Promise<UpstreamLoad>;
}

async function start(
  settings: Partial<UpstreamConfig>,
  server: Partial<ServerConfig> = {},
): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const upstream = resources.use(await FakeUpstream.start());
  const mirror = resources.use(
    await TestMirror.start({
      upstreams: { [name]: upstream },
      settings: { [name]: settings },
      server,
    }),
  );
  const owned = resources.move();
  return {
    upstream,
    mirror,
    held: (seed) => {
      const blob = noiseBlob(seed, 100_000);
      upstream.addBlob("team/app", blob);
      const release = upstream.hold("team/app", blob.digest, 0);
      return { digest: blob.digest, target: `/v2/team/app/blobs/${blob.digest}`, release };
    },
    load: async () => {
      const { loads } = JSON.parse((await mirror.admin("/api/v1/now")).body.toString());
      return loads[0];
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
