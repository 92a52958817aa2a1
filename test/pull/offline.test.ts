import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, topLayerOf } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = imageOfSize("offline", 100_000);
const layer = topLayerOf(image);
const yearMs = 365 * 24 * 3_600_000;

const byTag = "/v2/team/app/manifests/latest";
const byDigest = `/v2/team/app/manifests/${image.manifest.digest}`;
const blob = `/v2/team/app/blobs/${layer.digest}`;
const colds = [
  "/v2/team/app/manifests/cold",
  `/v2/team/app/manifests/sha256:${"a".repeat(64)}`,
  `/v2/team/app/blobs/sha256:${"b".repeat(64)}`,
  "/v2/team/cold/tags/list",
  `/v2/team/app/referrers/${image.manifest.digest}`,
];

for (const access of ["shared", "public"] as const) {
  test(`an upstream that is offline is never asked (access: ${access}): what is here is served, and the rest is 503`, async () => {
    await using scene = await warm(access);
    const { hub, mirror } = scene;
    mirror.reload({ "docker.io": hub }, { "docker.io": { access, offline: true } });
    mirror.advance(yearMs);
    const before = hub.requests.length;

    for (const target of [byTag, byDigest, blob, "/v2/team/app/tags/list"]) {
      assert.equal((await mirror.get(target)).status, 200, target);
    }
    const stale = await mirror.get(byTag);
    for (const target of colds) {
      for (const answer of [await mirror.get(target), await mirror.head(target)]) {
        assert.equal(answer.status, 503, target);
      }
      const { body } = await mirror.get(target);
      assert.match(body.toString(), /docker\.io is not asked, for it is offline/, target);
    }
    await mirror.idle();

    assert.match(
      stale.headers["cache-status"] ?? "",
      /fwd=stale; .*detail="docker\.io is offline in the configuration"/,
    );
    assert.equal(hub.requests.length, before);
    assert.equal(scene.connections(), 0, "not even a connection was made");
    assert.equal((await mirror.admin("/readyz")).status, 200);
    assert.deepEqual((await statsOf(mirror)).endpoints.at(0).state, "offline");
    assert.match(await metricsOf(mirror), /sluice_upstream_up{upstream="docker\.io"} 0/);
  });
}

test("an upstream that is no longer offline is asked again", async () => {
  await using scene = await warm("shared");
  const { hub, mirror } = scene;
  mirror.reload({ "docker.io": hub }, { "docker.io": { offline: true } });
  assert.equal((await mirror.get("/v2/team/app/manifests/new")).status, 503);
  hub.addImage("team/app", "new", image);

  mirror.reload({ "docker.io": hub }, {});

  assert.equal((await mirror.get("/v2/team/app/manifests/new")).status, 200);
  assert.match(await metricsOf(mirror), /sluice_upstream_up{upstream="docker\.io"} 1/);
});

test("while every endpoint is left alone what is here is served, the rest is 503 at once, and nothing is asked", async () => {
  await using scene = await warm("shared");
  const { hub, mirror } = scene;
  mirror.advance(3_600_000);
  // Whoever waited for any of this would wait for ever.
  hub.overrideAll((request) => void request.socket.destroy());
  for (let turn = 0; turn < 3; turn++) await mirror.get("/v2/team/cold/tags/list");
  const before = hub.requests.length;

  for (const target of [byTag, byTag, byDigest, blob]) {
    assert.equal((await mirror.get(target)).status, 200, target);
  }
  for (const target of colds) {
    const answer = await mirror.get(target);
    assert.equal(answer.status, 503, target);
    assert.equal(answer.headers["retry-after"], "1");
  }
  await mirror.idle();

  assert.equal(hub.requests.length, before);
  const [endpoint] = (await statsOf(mirror)).endpoints;
  assert.equal(endpoint.state, "left alone");
  assert.match(endpoint.reason, /cannot be reached/);
  const host = new URL(hub.url).host;
  const shown = `sluice_upstream_endpoint_up{upstream="docker.io",endpoint="${host}"} 0`;
  assert.ok((await metricsOf(mirror)).includes(shown));
  assert.equal((await mirror.admin("/readyz")).status, 200);
});

test("a pull of a stale tag does not wait for the probe, which goes behind the answer", async () => {
  await using scene = await warm("shared");
  const { hub, mirror } = scene;
  mirror.advance(3_600_000);
  hub.overrideAll((request) => void request.socket.destroy());
  for (let turn = 0; turn < 3; turn++) await mirror.get("/v2/team/cold/tags/list");
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  hub.overrideAll(async (_, response) => {
    await released;
    response.writeHead(500).end();
  });
  mirror.advance(8_000);
  const before = hub.requests.length;

  // Each of these is answered before upstream says anything.
  for (let turn = 0; turn < 10; turn++) {
    const { headers } = await mirror.get(byTag);
    assert.match(headers["cache-status"] ?? "", /detail="docker\.io cannot be reached/);
  }
  await eventually("it is probed", () => hub.requests.length > before);
  release();
  await mirror.idle();

  // The probe, and what settles it: a 500 may be all that there is to say of this one name.
  assert.equal(hub.requests.length, before + 2);
});

interface Scene extends AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly mirror: TestMirror;
  /** How many the upstream has now. */
  readonly connections: () => number;
}

/** A mirror that has just pulled `team/app:latest` whole. */
async function warm(access: "shared" | "public"): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeUpstream.start());
  const mirror = resources.use(
    await TestMirror.start({
      upstreams: { "docker.io": hub },
      settings: { "docker.io": { access } },
    }),
  );
  hub.addImage("team/app", "latest", image);
  const blobs = image.blobs.map(({ digest }) => `/v2/team/app/blobs/${digest}`);
  for (const target of [byTag, byDigest, ...blobs]) await mirror.get(target);
  await mirror.idle();
  const before = hub.connections;
  const kept = resources.move();
  const connections = (): number => hub.connections - before;
  return { hub, mirror, connections, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function statsOf(mirror: TestMirror): Promise<ReturnType<typeof JSON.parse>> {
  return JSON.parse((await mirror.admin("/api/v1/stats")).body.toString());
}

async function metricsOf(mirror: TestMirror): Promise<string> {
  return (await mirror.admin("/metrics")).body.toString();
}
