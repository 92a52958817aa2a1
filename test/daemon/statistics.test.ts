import assert from "node:assert/strict";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Stats } from "../../src/admin/routes/stats.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, noiseBlob, topLayerOf } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

test("traffic in a window is told by upstream, kind, outcome and step", async () => {
  await using scene = await startScene();
  const { mirror } = scene;
  await scene.pull();
  // What upstream sent counts when it is looked at, as it is every few seconds.
  await statsOf(mirror, "window=1h");
  mirror.advance(3_600_000);
  await scene.pull();
  await mirror.get(`/v2/app/blobs/${noiseBlob("missing", 1).digest}`);

  const { traffic } = await statsOf(mirror, "window=2h&step=1h");

  assert.ok(traffic);
  const { layerBytes, manifestBytes } = scene;
  const { from, to, stepSeconds, total, upstreams } = traffic;
  assert.deepEqual(
    { from, to, stepSeconds },
    { from: "2026-01-01T00:00:00.000Z", to: "2026-01-01T02:00:00.000Z", stepSeconds: 3600 },
  );
  assert.deepEqual(
    upstreams.map(({ upstream }) => upstream),
    ["docker.io"],
  );
  assert.partialDeepStrictEqual(total.steps, [
    {
      requests: 2,
      outcomes: { miss: 2, hit: 0, revalidated: 0 },
      sentBytes: layerBytes + manifestBytes,
      receivedBytes: layerBytes + manifestBytes,
      pulls: 1,
      savedPulls: 0,
      fills: 1,
      failedFills: 0,
    },
    {
      requests: 3,
      outcomes: { miss: 0, hit: 1, revalidated: 1, error: 1 },
      sentBytes: layerBytes + manifestBytes,
      receivedBytes: 0,
      pulls: 1,
      savedPulls: 1,
      fills: 0,
    },
  ]);
  assert.partialDeepStrictEqual(total.kinds, [
    { kind: "blob", requests: 3, sentBytes: 2 * layerBytes },
    { kind: "manifest", requests: 2, sentBytes: 2 * manifestBytes },
  ]);
  assert.partialDeepStrictEqual(total.sum, { requests: 5, hitRate: 2 / 5, byteHitRate: 0.5 });
  const { p50Ms, p99Ms } = total.sum;
  assert.ok(p50Ms !== null && p99Ms !== null && p50Ms > 0 && p99Ms >= p50Ms);
});

test("traffic of before a restart is told, though the daemon itself has counted nothing yet", async () => {
  await using temporary = await mkdtempDisposable(join(tmpdir(), "sluice-"));
  await using hub = await FakeUpstream.start();
  const options = { upstreams: { "docker.io": hub }, directory: temporary.path };
  const blob = noiseBlob("kept", 1000);
  hub.addBlob("library/app", blob);
  for (let nth = 0; nth < 3; nth++) {
    await using mirror = await TestMirror.start(options);
    await mirror.get(`/v2/app/blobs/${blob.digest}`);
  }
  await using mirror = await TestMirror.start(options);

  const { traffic, upstreams } = await statsOf(mirror, "window=1d");

  assert.deepEqual(upstreams, []);
  assert.partialDeepStrictEqual(traffic?.total.sum, {
    requests: 3,
    outcomes: { miss: 1, hit: 2 },
    sentBytes: 3000,
    receivedBytes: 1000,
    fills: 1,
  });
});

test("without a window there is no traffic in the answer, and one that is none is refused", async () => {
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": "http://127.0.0.1:9" } });

  const refused = await mirror.admin("/api/v1/stats?window=long");

  assert.equal((await statsOf(mirror, "")).traffic, null);
  assert.equal(refused.status, 400);
  assert.match(refused.body.toString(), /is not a duration/);
});

interface Scene extends AsyncDisposable {
  readonly mirror: TestMirror;
  readonly layerBytes: number;
  readonly manifestBytes: number;
  /** The manifest of an image, and its layer. */
  pull(): Promise<void>;
}

async function startScene(): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeUpstream.start());
  const mirror = resources.use(await TestMirror.start({ upstreams: { "docker.io": hub } }));
  const image = imageOfSize("counted", 10_000);
  hub.addImage("library/app", "1", image);
  const layer = topLayerOf(image);
  const kept = resources.move();
  return {
    mirror,
    layerBytes: layer.bytes.length,
    manifestBytes: image.manifest.bytes.length,
    pull: async () => {
      await mirror.get("/v2/app/manifests/1");
      await mirror.get(`/v2/app/blobs/${layer.digest}`);
      await mirror.idle();
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function statsOf(mirror: TestMirror, query: string): Promise<Stats> {
  return JSON.parse((await mirror.admin(`/api/v1/stats?${query}`)).body.toString());
}
