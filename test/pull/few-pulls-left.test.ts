import assert from "node:assert/strict";
import { test } from "node:test";
import { imageOfSize, type TestImage } from "../support/images.ts";
import { LimitingRegistry } from "../support/limiting-registry.ts";
import { TestMirror } from "../support/test-mirror.ts";

const minute = 60_000;
const byTag = "/v2/team/app/manifests/1";

test("while few pulls are left a tag is believed longer, what it meant stands in for what it moved to, and digests are pulled", async () => {
  await using scene = await start();
  const { registry, mirror } = scene;
  const [old, moved] = [imageOfSize("before it moved", 100), imageOfSize("moved", 100)];
  registry.hub.addImage("team/app", "1", old);
  registry.treated.set("nobody", { remaining: 10 });
  await mirror.get(byTag);
  registry.hub.addImage("team/app", "1", moved);
  const heads = (): number => registry.hub.count("HEAD", byTag);
  const before = heads();

  mirror.advance(9 * minute);
  const believed = await mirror.get(byTag);
  const headsThen = heads();
  mirror.advance(minute);
  const asked = await mirror.get(byTag);
  const cold = await mirror.get(`/v2/team/app/manifests/${moved.manifest.digest}`);

  assert.deepEqual([headsThen, heads()], [before, before + 1]);
  assert.equal(believed.headers["cache-status"], "sluice; hit; ttl=-480");
  assert.ok(asked.body.equals(old.manifest.bytes));
  assert.match(
    asked.headers["cache-status"] ?? "",
    /fwd=stale; .*few more pulls, and it has moved/,
  );
  assert.ok(cold.body.equals(moved.manifest.bytes));
  assert.equal(registry.pulls.length, 2);
  // Now what it moved to is here, and takes no pull.
  assert.ok((await mirror.get(byTag)).body.equals(moved.manifest.bytes));
});

test("a tag that nobody has asked for yet is pulled though few are left, and all is as before when there are more", async () => {
  await using scene = await start();
  const { registry, mirror } = scene;
  const images = [imageOfSize("cold", 100), imageOfSize("warm", 100)] as const;
  registry.hub.addImage("team/app", "1", images[0]);
  registry.treated.set("nobody", { remaining: 3 });

  const cold = await mirror.get(byTag);
  registry.hub.addImage("team/app", "1", images[1]);
  registry.treated.set("nobody", { remaining: 90 });
  mirror.advance(10 * minute);
  const warm = await mirror.get(byTag);

  assert.ok(cold.body.equals(images[0].manifest.bytes));
  // The HEAD said that there are more.
  assert.ok(warm.body.equals(images[1].manifest.bytes));
  const lines = mirror.logLines.filter(({ account }) => account === "anonymous");
  assert.deepEqual(
    lines.map(({ msg, remaining }) => [msg, remaining]),
    [
      ["few pulls are left", 3],
      ["pulls are left again", 90],
    ],
  );
});

test("an upstream that names no limit is asked as soon as the ttl is over", async () => {
  await using scene = await start();
  const { registry, mirror } = scene;
  registry.hub.addImage("team/app", "1", imageOfSize("one", 100));
  await mirror.get(byTag);
  const moved: TestImage = imageOfSize("other", 100);
  registry.hub.addImage("team/app", "1", moved);
  mirror.advance(minute);

  assert.ok((await mirror.get(byTag)).body.equals(moved.manifest.bytes));
  assert.deepEqual(await limitsOf(mirror), []);
});

test("the limit, what is left, and when it will be used up are metrics and statistics", async () => {
  await using scene = await start();
  const { registry, mirror } = scene;
  registry.treated.set("nobody", { remaining: 100 });
  for (let pull = 0; pull < 20; pull++) {
    registry.hub.addImage("team/app", `${pull}`, imageOfSize(`used ${pull}`, 100));
    await mirror.get(`/v2/team/app/manifests/${pull}`);
    mirror.advance(minute);
  }

  const metrics = (await mirror.admin("/metrics")).body.toString();
  const [known] = await limitsOf(mirror);

  const { host } = new URL(registry.hub.url);
  const labels = `{upstream="docker.io",endpoint="${host}",account="anonymous"}`;
  assert.ok(metrics.includes(`sluice_upstream_rate_limit${labels} 100`), metrics);
  assert.ok(metrics.includes(`sluice_upstream_rate_limit_remaining${labels} 80`));
  assert.deepEqual(known, {
    upstream: "docker.io",
    endpoint: host,
    account: "anonymous",
    state: "fine",
    limit: 100,
    remaining: 80,
    windowSeconds: 21_600,
    source: "192.0.2.1",
    emptyInSeconds: 4_800,
    waitSeconds: 0,
  });
});

test("a registry that wants to be left alone is in the statistics with the time that is left", async () => {
  await using scene = await start();
  const { registry, mirror } = scene;
  registry.treated.set("nobody", { limited: { retryAfter: "60" } });
  await mirror.get(byTag);
  mirror.advance(20_000);

  const [known] = await limitsOf(mirror);

  assert.deepEqual([known?.["state"], known?.["waitSeconds"]], ["unlimited", 40]);
});

interface Scene extends AsyncDisposable {
  readonly registry: LimitingRegistry;
  readonly mirror: TestMirror;
}

async function start(): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const registry = resources.use(await LimitingRegistry.start({ tokens: true }));
  const mirror = resources.use(
    await TestMirror.start({ upstreams: { "docker.io": registry.hub } }),
  );
  const kept = resources.move();
  return { registry, mirror, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function limitsOf(mirror: TestMirror): Promise<Record<string, unknown>[]> {
  return JSON.parse((await mirror.admin("/api/v1/stats")).body.toString()).limits;
}
