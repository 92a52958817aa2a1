import assert from "node:assert/strict";
import { test } from "node:test";
import type { FreshnessRule } from "../../src/config/config.ts";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, topLayerOf } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = imageOfSize("ruled", 100_000);
const moved = imageOfSize("moved", 100_000);
const layer = topLayerOf(image);
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

test("the first rule that matches decides, and what it does not say is as without it", async () => {
  await using scene = await startScene([
    { match: "docker.io/library/*:latest", ttlMs: 10 * minuteMs },
    { match: "docker.io/library/*", ttlMs: 0 },
  ]);
  for (const name of ["library/a:latest", "library/a:1", "team/a:1"]) await scene.pull(name);

  scene.mirror.advance(30_000);

  assert.equal(await scene.pull("library/a:latest"), 'hit; ttl=570; detail="freshness.rules[0]"');
  assert.equal(await scene.pull("library/a:1"), "fwd=stale; ttl=0; detail=revalidated");
  assert.equal(await scene.pull("team/a:1"), "hit; ttl=30");
});

test("a rule has its own staleWhileRevalidate and its own staleIfError", async () => {
  await using scene = await startScene([
    { match: "*:behind", staleWhileRevalidateMs: dayMs },
    { match: "*:brief", staleIfErrorMs: minuteMs },
  ]);
  const { hub, mirror } = scene;
  for (const tag of ["behind", "brief", "other"]) await scene.pull(`team/a:${tag}`);
  mirror.advance(2 * minuteMs);

  assert.match(await scene.pull("team/a:behind"), /^hit; ttl=-60;/);
  await mirror.idle();
  await hub.down();
  mirror.advance(2 * minuteMs);

  assert.match(await scene.pull("team/a:other"), /^fwd=stale; ttl=-180; detail="docker\.io /);
  assert.equal((await mirror.get("/v2/team/a/manifests/brief")).status, 502);
});

test("a rule has its own negativeTtl", async () => {
  await using scene = await startScene([{ match: "*:soon-*", negativeTtlMs: 1_000 }]);
  const { hub, mirror } = scene;
  for (const tag of ["soon-1", "later"]) await mirror.get(`/v2/team/a/manifests/${tag}`);
  for (const tag of ["soon-1", "later"]) hub.addImage("team/a", tag, image);

  mirror.advance(1_000);

  assert.equal((await mirror.get("/v2/team/a/manifests/soon-1")).status, 200);
  assert.equal((await mirror.get("/v2/team/a/manifests/later")).status, 404);
});

test("a tag that is immutable is asked once", async () => {
  await using scene = await startScene([{ match: "*:v[0-9]*", ttlMs: Number.POSITIVE_INFINITY }]);
  const { hub, mirror } = scene;
  await scene.pull("team/a:v1");
  hub.addImage("team/a", "v1", moved);
  await hub.down();

  for (const ms of [minuteMs, 12 * 3_600_000, 400 * dayMs]) {
    mirror.advance(ms);
    assert.equal(await scene.pull("team/a:v1"), 'hit; detail="freshness.rules[0]"');
  }
  await mirror.idle();

  assert.equal(hub.count("HEAD", "/manifests/v1"), 1);
});

test("a tag that is believed for longer than a proof is proven by its digest, and denied with it", async () => {
  await using scene = await startScene([{ match: "*:v1", ttlMs: 30 * dayMs }]);
  const { hub, mirror } = scene;
  await scene.pull("team/a:v1");
  mirror.advance(2 * dayMs);
  assert.match(await scene.pull("team/a:v1"), /^hit; ttl=2419200;/);
  assert.equal(hub.count("HEAD", "/manifests/v1"), 1, "the tag itself was not asked again");

  hub.overrideAll((_, response) => void response.writeHead(403).end());
  mirror.advance(2 * dayMs);

  assert.equal((await mirror.get("/v2/team/a/manifests/v1")).status, 403);
});

test("a tag whose digest upstream has no more is asked again, however long it would be believed", async () => {
  await using scene = await startScene([{ match: "*:v1", ttlMs: Number.POSITIVE_INFINITY }]);
  const { hub, mirror } = scene;
  await scene.pull("team/a:v1");
  hub.addImage("team/a", "v1", moved);
  hub.removeTag("team/a", image.manifest.digest);
  mirror.advance(2 * dayMs);

  const answer = await mirror.get("/v2/team/a/manifests/v1");

  assert.equal(answer.headers["docker-content-digest"], moved.manifest.digest);
});

test("what a rule denies is refused in the operator's words, and upstream is not asked", async () => {
  const denial = "use quay.io/good/* instead";
  await using scene = await startScene([{ match: "quay.io/evil/*", denial }]);
  const { hub, mirror } = scene;

  const paths = [
    "manifests/latest",
    `manifests/${image.manifest.digest}`,
    `blobs/${layer.digest}`,
    "tags/list",
    `referrers/${image.manifest.digest}`,
  ];
  for (const path of paths) {
    const answer = await mirror.get(`/v2/quay.io/evil/a/${path}`);
    assert.equal(answer.status, 403, path);
    assert.deepEqual(JSON.parse(answer.body.toString()).errors, [
      { code: "DENIED", message: denial, detail: { rule: "freshness.rules[0]" } },
    ]);
    assert.equal((await mirror.head(`/v2/quay.io/evil/a/${path}`)).status, 403);
  }
  assert.equal(hub.requests.length, 0);
  assert.equal(
    (await mirror.get("/v2/evil/a/manifests/latest")).status,
    200,
    "of another upstream",
  );
});

test("a rule may deny a tag alone: the repository's others, its list and the digest are pulled", async () => {
  await using scene = await startScene([{ match: "docker.io/team/a:old", denial: "too old" }]);
  const { mirror } = scene;

  assert.equal((await mirror.get("/v2/team/a/manifests/old")).status, 403);
  assert.equal((await mirror.get("/v2/team/a/manifests/latest")).status, 200);
  assert.equal((await mirror.get(`/v2/team/a/manifests/${image.manifest.digest}`)).status, 200);
  assert.equal((await mirror.get("/v2/team/a/tags/list")).status, 200);
});

test("what was stored before a rule denied it is refused at once, and not listed any more", async () => {
  await using scene = await startScene([]);
  const { mirror } = scene;
  await scene.pull("team/a:latest");
  await scene.pull("team/b:latest");

  mirror.reloadFreshness({ rules: [ruleOf({ match: "docker.io/team/a", denial: "no more" })] });
  const denied = await mirror.get("/v2/team/a/manifests/latest");
  const listed = await mirror.get("/v2/_catalog");
  mirror.reloadFreshness({ rules: [] });

  assert.equal(denied.status, 403);
  assert.deepEqual(JSON.parse(listed.body.toString()), { repositories: ["team/b"] });
  assert.equal(await scene.pull("team/a:latest"), "hit; ttl=60");
});

test("with store: false an image passes through, and nothing of it is kept", async () => {
  await using scene = await startScene([{ match: "docker.io/nightly/*", keeps: false }]);
  const { hub, mirror } = scene;
  const detail = 'detail="freshness.rules[0]"';

  for (let round = 1; round <= 2; round++) {
    assert.equal(await scene.pull("nightly/a:latest"), `fwd=bypass; ${detail}`);
    const byDigest = await mirror.get(`/v2/nightly/a/manifests/${image.manifest.digest}`);
    assert.equal(byDigest.headers["cache-status"], `sluice; fwd=bypass; ${detail}`);
    const blob = await mirror.get(`/v2/nightly/a/blobs/${layer.digest}`);
    assert.equal(blob.headers["cache-status"], `sluice; fwd=bypass; ${detail}`);
    assert.ok(blob.body.equals(layer.bytes));
    await mirror.idle();
    assert.deepEqual(await mirror.stored(), { blobs: 0, bytes: 0 });
    assert.equal(hub.count("GET", "/blobs/"), round);
  }

  assert.equal(hub.count("HEAD", "/manifests/"), 2, "each pull asks what the tag means");
  assert.equal(
    hub.count("GET", "/manifests/"),
    1,
    "and what has just passed is not sent for again",
  );
  const catalog = await mirror.get("/v2/_catalog");
  assert.deepEqual(JSON.parse(catalog.body.toString()), { repositories: [] });
  mirror.advance(minuteMs);
  await scene.pull("nightly/a:latest");
  assert.equal(hub.count("GET", "/manifests/"), 2);
});

test("with store: false upstream sends a blob once for all who want it at the same time", async () => {
  await using scene = await startScene([{ match: "docker.io/nightly/*", keeps: false }]);
  const { hub, mirror } = scene;
  const release = hub.hold("nightly/a", layer.digest, 50_000);
  const path = `/v2/nightly/a/blobs/${layer.digest}`;
  using first = mirror.open(path);
  await first.when(({ body }) => body.length > 0);
  const others = Array.from({ length: 10 }, () => mirror.open(path));
  await Promise.all(others.map((other) => other.when(({ body }) => body.length > 0)));

  release();
  const answers = await Promise.all([first, ...others].map((one) => one.end()));
  await mirror.idle();

  for (const { body } of answers) assert.ok(body.equals(layer.bytes));
  assert.equal(hub.count("GET", "/blobs/"), 1);
  assert.deepEqual(await mirror.stored(), { blobs: 0, bytes: 0 });
});

test("with store: false a download ends with the last client that reads it, and nothing warns of that", async () => {
  await using scene = await startScene([{ match: "docker.io/nightly/*", keeps: false }]);
  const { hub, mirror } = scene;
  hub.hold("nightly/a", layer.digest, 50_000);
  {
    using reader = mirror.open(`/v2/nightly/a/blobs/${layer.digest}`);
    await reader.when(({ body }) => body.length > 0);
  }

  const ended = await eventually("the fill ends", async () => {
    const { values } = await mirror.daemon.metrics.fills.get();
    return values.find(({ value }) => value > 0) ?? null;
  });

  assert.equal(ended.labels.result, "abandoned");
  assert.deepEqual(
    mirror.logLines.filter(({ level }) => level !== "info").map(({ msg }) => msg),
    [],
  );
});

test("with store: false a blob that another repository stored is a hit, once upstream has said that this one has it", async () => {
  await using scene = await startScene([{ match: "docker.io/nightly/*", keeps: false }]);
  const { hub, mirror } = scene;
  await mirror.get(`/v2/team/a/blobs/${layer.digest}`);
  await mirror.idle();

  const blob = await mirror.get(`/v2/nightly/a/blobs/${layer.digest}`);

  assert.equal(blob.headers["cache-status"], "sluice; hit");
  assert.equal(hub.count("GET", "/blobs/"), 1);
  assert.equal(hub.count("HEAD", `/nightly/a/blobs/${layer.digest}`), 1);
});

test("a fill that began for a repository with store: false is stored for one without that joins it", async () => {
  await using scene = await startScene([{ match: "docker.io/nightly/*", keeps: false }]);
  const { hub, mirror } = scene;
  const release = hub.hold("nightly/a", layer.digest, 50_000);
  using passing = mirror.open(`/v2/nightly/a/blobs/${layer.digest}`);
  await passing.when(({ body }) => body.length > 0);
  using keeping = mirror.open(`/v2/team/a/blobs/${layer.digest}`);
  await keeping.when(({ body }) => body.length > 0);

  release();
  for (const one of [passing, keeping]) assert.ok((await one.end()).body.equals(layer.bytes));
  await mirror.idle();

  assert.equal((await mirror.stored()).blobs, 1);
  assert.equal(hub.count("GET", "/blobs/"), 1);
});

test("with store: false nothing is evicted: a blob passes by where there is no room", async () => {
  await using scene = await startScene([{ match: "docker.io/nightly/*", keeps: false }], {
    maxSize: { kind: "bytes", bytes: 12 * 1024 ** 2 },
  });
  const { hub, mirror } = scene;
  await scene.pull("team/a:latest");
  await mirror.get(`/v2/team/a/blobs/${layer.digest}`);
  await mirror.idle();
  const before = await mirror.stored();
  const large = imageOfSize("large", 16 * 1024 ** 2);
  hub.addImage("nightly/large", "latest", large);

  const blob = await mirror.get(`/v2/nightly/large/blobs/${topLayerOf(large).digest}`);
  await mirror.idle();

  assert.ok(blob.body.equals(topLayerOf(large).bytes));
  assert.deepEqual(await mirror.stored(), before);
});

test("with store: false nothing stands in for an upstream that is down, though it was stored before", async () => {
  await using scene = await startScene([]);
  const { hub, mirror } = scene;
  await scene.pull("nightly/a:latest");
  await hub.down();

  mirror.reloadFreshness({ rules: [ruleOf({ match: "docker.io/nightly/*", keeps: false })] });

  assert.equal((await mirror.get("/v2/nightly/a/manifests/latest")).status, 502);
});

interface Scene extends AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly mirror: TestMirror;
  /** `Cache-Status` of the manifest of `REPOSITORY:TAG`, which is made there if it is not. */
  readonly pull: (name: string) => Promise<string>;
}

async function startScene(
  rules: readonly Partial<FreshnessRule>[],
  options: { readonly maxSize?: { readonly kind: "bytes"; readonly bytes: number } } = {},
): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeUpstream.start());
  const mirror = resources.use(
    await TestMirror.start({
      upstreams: { "docker.io": hub, "quay.io": hub },
      freshness: { rules: rules.map(ruleOf) },
      ...options,
    }),
  );
  for (const repository of ["library/a", "team/a", "team/b", "nightly/a", "evil/a"]) {
    for (const tag of ["latest", "1", "v1", "behind", "brief", "other", "old"]) {
      hub.addImage(repository, tag, image);
    }
  }
  const pull = async (name: string): Promise<string> => {
    const answer = await mirror.get(`/v2/${name.replace(":", "/manifests/")}`);
    assert.equal(answer.status, 200, answer.body.toString());
    return answer.headers["cache-status"]?.replace("sluice; ", "") ?? "";
  };
  const kept = resources.move();
  return { hub, mirror, pull, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function ruleOf(rule: Partial<FreshnessRule>): FreshnessRule {
  return {
    match: "*",
    ttlMs: null,
    staleWhileRevalidateMs: null,
    staleIfErrorMs: null,
    negativeTtlMs: null,
    keeps: true,
    denial: null,
    ...rule,
  };
}
