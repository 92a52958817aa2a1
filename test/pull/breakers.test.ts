import assert from "node:assert/strict";
import { test } from "node:test";
import type { UpstreamConfig } from "../../src/config/config.ts";
import { eventually } from "../support/eventually.ts";
import { type Answer, FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = imageOfSize("breakers", 10);
const manifest = `/v2/team/app/manifests/${image.manifest.digest}`;
const tags = "/v2/team/app/tags/list";

const hourMs = 3_600_000;
const endless = {
  timeouts: { connectMs: hourMs, headersMs: hourMs, answerMs: hourMs, bodyIdleMs: hourMs },
};

const unavailable: Answer = (_, response) => void response.writeHead(503).end("oops");

test("an upstream that fails again and again is left alone: pulls are told at once, and when to come again", async () => {
  await using scene = await Scene.start(1);
  const [only] = scene.endpoints;
  only.overrideAll(unavailable);
  for (let turn = 0; turn < 4; turn++) await scene.mirror.get(tags);
  await scene.isLeftAlone();
  const before = only.requests.length;

  const answers = await Promise.all(Array.from({ length: 20 }, () => scene.mirror.get(tags)));

  for (const { status, headers, body } of answers) {
    assert.equal(status, 503);
    assert.equal(headers["retry-after"], "1");
    assert.match(body.toString(), /docker\.io is left alone for 1 s more, for it answered .* oops/);
  }
  assert.equal(only.requests.length, before);
  assert.deepEqual(scene.logged("endpoint left alone"), [
    { endpoint: only.url.slice("http://".length), reason: "answered with status 503: oops" },
  ]);
});

test("when the pause of a breaker is over one request probes, and the others wait for what it finds", async () => {
  await using scene = await Scene.start(1, endless);
  const [only] = scene.endpoints;
  await scene.leaveAlone(only);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  only.overrideAll(async (_, response) => {
    await released;
    response.writeHead(200).end('{"tags":["1"]}');
  });
  const before = only.requests.length;
  scene.mirror.advance(8_000);

  using probing = scene.mirror.open(tags);
  await eventually("it is asked", () => only.requests.length > before);
  const others = Array.from({ length: 20 }, () => scene.mirror.get(tags));
  await eventually("they wait", async () => (await scene.waiting()) === 21);
  assert.equal(only.requests.length, before + 1);
  release();

  assert.equal((await probing.end()).status, 200);
  for (const { status } of await Promise.all(others)) assert.equal(status, 200);
  assert.equal((await scene.mirror.get(tags)).status, 200);
  assert.equal(scene.logged("endpoint answers again").length, 1);
});

test("while an endpoint is left alone requests are refused at once, and while a probe hangs after a moment", async () => {
  await using scene = await Scene.start(1, {
    timeouts: { ...endless.timeouts, answerMs: 60 },
  });
  const [only] = scene.endpoints;
  await scene.leaveAlone(only);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  only.overrideAll(async (_, response) => {
    await released;
    response.writeHead(503).end();
  });
  const before = only.requests.length;
  assert.equal((await scene.mirror.get(tags)).status, 503, "the pause lasts");
  assert.equal(only.requests.length, before);
  scene.mirror.advance(8_000);
  const layer = `/v2/team/app/blobs/${image.blobs[0]?.digest}`;
  using probing = scene.mirror.open(layer);
  await eventually("it is asked", () => only.requests.length > before);

  const others = await Promise.all(Array.from({ length: 5 }, () => scene.mirror.get(tags)));

  for (const { status, body } of others) {
    assert.equal(status, 503);
    assert.match(body.toString(), /docker\.io is left alone/);
  }
  assert.equal(only.requests.length, before + 1);
  release();
  await probing.end();
});

test("paths with which an upstream always fails keep nobody from the rest of it, however many they are and however often they are asked for", async () => {
  await using scene = await Scene.start(1);
  const [only] = scene.endpoints;
  const byTag = "/v2/team/app/manifests/1";
  assert.equal((await scene.mirror.get(byTag)).status, 200);
  const failing = Array.from({ length: 40 }, (_, at) => `/v2/evil/${at % 8}/tags/list`);
  for (const path of failing) only.override(path, unavailable);

  for (const path of failing) assert.equal((await scene.mirror.get(path)).status, 503);
  assert.equal((await scene.mirror.get(tags)).status, 200);
  await Promise.all(failing.map((path) => scene.mirror.get(path)));
  assert.equal((await scene.mirror.get(tags)).status, 200);
  assert.deepEqual(scene.logged("endpoint left alone"), []);
  // What it had an answer to is asked again, once at a time, and counts as no pull.
  const again = only.count("HEAD", manifest);
  assert.ok(again > 0 && again <= failing.length, String(again));
});

test("an upstream that is well again is found so, though the probe asks for what it always fails with", async () => {
  await using scene = await Scene.start(1);
  const [only] = scene.endpoints;
  await scene.leaveAlone(only);
  only.override("/v2/evil/app/tags/list", unavailable);
  scene.mirror.advance(8_000);

  assert.equal((await scene.mirror.get("/v2/evil/app/tags/list")).status, 503);
  await eventually("it is well", () => scene.logged("endpoint answers again").length === 1);

  assert.equal((await scene.mirror.get(tags)).status, 200);
});

test("an upstream that answers /v2/, and fails with all that it could answer before, is left alone", async () => {
  await using scene = await Scene.start(1);
  const [only] = scene.endpoints;
  assert.equal((await scene.mirror.get("/v2/team/app/manifests/1")).status, 200);
  only.overrideAll((request, response) => {
    response.writeHead(request.url === "/v2/" ? 200 : 500).end();
  });

  for (let turn = 0; turn < 4; turn++) await scene.mirror.get(`/v2/team/${turn}/tags/list`);

  await scene.isLeftAlone();
});

test("nobody waits for an endpoint that may be well again while another one answers", async () => {
  await using scene = await Scene.start(2);
  const [first, second] = scene.endpoints;
  await scene.leaveAlone(first);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  first.overrideAll(async (_, response) => {
    await released;
    response.writeHead(200).end();
  });
  const before = { first: first.requests.length, second: second.requests.length };
  scene.mirror.advance(8_000);

  // None of these can have waited for the first one: it says nothing before they have ended.
  for (let turn = 0; turn < 5; turn++) assert.equal((await scene.mirror.get(tags)).status, 200);
  assert.deepEqual(
    first.requests.slice(before.first).map(({ method, target }) => [method, target]),
    [["HEAD", tags]],
  );
  assert.equal(second.requests.length, before.second + 5);
  release();
  await eventually("it is well", () => scene.logged("endpoint answers again").length === 1);
  first.overrideAll(null);

  await scene.mirror.get(tags);
  assert.equal(first.requests.at(-1)?.method, "GET", "it has its place back");
  assert.equal(second.requests.length, before.second + 5);
});

test("an endpoint that failed a moment ago is asked after the others", async () => {
  await using scene = await Scene.start(2);
  const [first, second] = scene.endpoints;
  await first.down();
  await scene.mirror.get(tags);
  await first.up();

  await scene.mirror.get(tags);
  assert.deepEqual([first.requests.length, second.requests.length], [0, 2]);
  scene.mirror.advance(10_000);
  await scene.mirror.get(tags);
  assert.deepEqual([first.requests.length, second.requests.length], [1, 2]);
});

test("while every endpoint is left alone the first that is due is asked, and it alone", async () => {
  await using scene = await Scene.start(2);
  const [first, second] = scene.endpoints;
  await scene.leaveAlone(first, second);
  const before = [first.requests.length, second.requests.length] as const;
  assert.equal((await scene.mirror.get(tags)).status, 503);
  assert.deepEqual([first.requests.length, second.requests.length], before);

  scene.mirror.advance(8_000);
  assert.equal((await scene.mirror.get(tags)).status, 200);
  assert.deepEqual([first.requests.length, second.requests.length], [before[0] + 1, before[1]]);
});

test("answers that something is not found, refused or limited open no breaker", async () => {
  for (const status of [400, 401, 403, 404, 405, 429, 451, 501]) {
    await using scene = await Scene.start(1);
    const [only] = scene.endpoints;
    only.overrideAll((_, response) => void response.writeHead(status).end());

    for (let turn = 0; turn < 8; turn++) await scene.mirror.get(`/v2/team/${turn}/tags/list`);

    assert.equal(only.requests.length, 8, String(status));
    assert.deepEqual(scene.logged("endpoint left alone"), []);
  }
});

test("one outage is learned once, whether upstream is asked as anybody or as ourselves", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": hub },
    settings: { "docker.io": { access: "public" } },
  });
  hub.addImage("team/app", "1", image);
  assert.equal((await mirror.get(manifest)).status, 200);
  hub.overrideAll(unavailable);
  for (let turn = 0; turn < 8; turn++) await mirror.get(`/v2/team/${turn}/tags/list`);
  const before = hub.requests.length;

  // Asked as nobody, for it was never seen, and as ourselves.
  for (const name of ["app", "other"]) await mirror.get(`/v2/team/${name}/tags/list`);

  assert.ok(before < 8);
  assert.equal(hub.requests.length, before);
});

/** A mirror before endpoints of one upstream that all have the image. */
class Scene implements AsyncDisposable {
  readonly endpoints: readonly [FakeUpstream, FakeUpstream];
  readonly mirror: TestMirror;

  private constructor(endpoints: readonly [FakeUpstream, FakeUpstream], mirror: TestMirror) {
    this.endpoints = endpoints;
    this.mirror = mirror;
  }

  static async start(count: 1 | 2, settings: Partial<UpstreamConfig> = {}): Promise<Scene> {
    const endpoints = [await FakeUpstream.start(), await FakeUpstream.start()] as const;
    for (const one of endpoints) one.addImage("team/app", "1", image);
    const urls = endpoints.slice(0, count).map(({ url }) => new URL(url));
    const mirror = await TestMirror.start({
      upstreams: { "docker.io": endpoints[0] },
      settings: { "docker.io": { endpoints: urls, ...settings } },
    });
    return new Scene(endpoints, mirror);
  }

  /** Lets these refuse connections until they are left alone, and be well from then on. */
  async leaveAlone(...endpoints: readonly FakeUpstream[]): Promise<void> {
    for (const one of endpoints) await one.down();
    await this.mirror.get(tags);
    // One failure is none too many, and time heals it, or others would be asked first.
    this.mirror.advance(5_000);
    await this.mirror.get(tags);
    assert.equal(this.logged("endpoint left alone").length, endpoints.length);
    for (const one of endpoints) await one.up();
  }

  /** Resolves once the first endpoint is. */
  async isLeftAlone(): Promise<void> {
    await eventually("it is left alone", () => this.logged("endpoint left alone").length > 0);
  }

  /** How many requests wait for the upstream. */
  async waiting(): Promise<number> {
    const { loads } = JSON.parse((await this.mirror.admin("/api/v1/now")).body.toString());
    return loads[0].awaitingAnswer;
  }

  logged(message: string): object[] {
    return this.mirror.logLines
      .filter(({ msg }) => msg === message)
      .map(({ endpoint, reason }) => ({ endpoint, reason }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mirror[Symbol.asyncDispose]();
    for (const one of this.endpoints) await one[Symbol.asyncDispose]();
  }
}
