import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { noiseBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

test("the statistics count what was pulled, by upstream", async () => {
  await using scene = await coldAndWarmPull();
  const { mirror, sizeBytes } = scene;

  const stats = JSON.parse((await mirror.admin("/api/v1/stats")).body.toString());

  assert.deepEqual(stats.upstreams, [
    {
      upstream: "docker.io",
      requests: 3,
      hits: 1,
      misses: 1,
      stale: 0,
      errors: 1,
      unstored: 0,
      sentBytes: 2 * sizeBytes,
      receivedBytes: sizeBytes,
      hitRate: 1 / 3,
      byteHitRate: 0.5,
      savedBytes: sizeBytes,
    },
  ]);
  assert.deepEqual(stats.total, { hitRate: 1 / 3, byteHitRate: 0.5, savedBytes: sizeBytes });
  const { usedBytes, ...stored } = stats.stored;
  assert.deepEqual(stored, { blobs: 1, bytes: sizeBytes, limitBytes: 50 * 2 ** 30 });
  assert.ok(usedBytes > sizeBytes, `the catalog counts too: ${usedBytes}`);
});

test("the metrics count what was pulled, with labels of bounded variety", async () => {
  await using scene = await coldAndWarmPull();
  const { mirror, sizeBytes } = scene;

  const { headers, body } = await mirror.admin("/metrics");
  const text = body.toString();

  assert.match(headers["content-type"] ?? "", /^text\/plain; version=0.0.4/);
  for (const line of [
    'sluice_requests_total{upstream="docker.io",kind="blob",outcome="hit"} 1',
    'sluice_requests_total{upstream="docker.io",kind="blob",outcome="miss"} 1',
    `sluice_upstream_received_bytes_total{upstream="docker.io"} ${sizeBytes}`,
    `sluice_stored_bytes ${sizeBytes}`,
    'sluice_fills_in_flight{upstream="docker.io"} 0',
  ]) {
    assert.ok(text.includes(`${line}\n`), `${line}\nis not in\n${text}`);
  }
  assert.doesNotMatch(text, /sha256|library/);
});

test("one log line a request says what was asked and how it was answered", async () => {
  await using scene = await coldAndWarmPull();
  const { mirror, digest, sizeBytes } = scene;

  const lines = mirror.logLines.filter(({ target }) => target !== undefined);

  assert.deepEqual(
    lines.map(({ status, outcome, msg }) => ({ status, outcome, msg })),
    [
      { status: 200, outcome: "miss", msg: "request served" },
      { status: 200, outcome: "hit", msg: "request served" },
      { status: 404, outcome: "error", msg: "request refused" },
    ],
  );
  const { upstream, repository, digest: logged, sentBytes, client } = lines[0] ?? {};
  assert.deepEqual(
    { upstream, repository, logged, sentBytes, client },
    {
      upstream: "docker.io",
      repository: "library/app",
      logged: digest,
      sentBytes: sizeBytes,
      client: "127.0.0.1",
    },
  );
});

test("the OpenAPI document describes every path of the API", async () => {
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": "http://127.0.0.1:9" } });

  const document = JSON.parse((await mirror.admin("/api/v1/openapi.json")).body.toString());

  assert.deepEqual(Object.keys(document.paths).sort(), [
    "/api/v1/client-config",
    "/api/v1/evict",
    "/api/v1/history",
    "/api/v1/images",
    "/api/v1/inspect",
    "/api/v1/live",
    "/api/v1/log-level",
    "/api/v1/moves",
    "/api/v1/now",
    "/api/v1/pin",
    "/api/v1/pins",
    "/api/v1/prefetch",
    "/api/v1/purge",
    "/api/v1/savings",
    "/api/v1/simulate",
    "/api/v1/stats",
    "/api/v1/storage",
    "/api/v1/survive",
    "/api/v1/unpin",
    "/api/v1/verify",
    "/api/v1/why",
    "/healthz",
    "/metrics",
    "/readyz",
  ]);
});

interface Scene extends AsyncDisposable {
  readonly mirror: TestMirror;
  readonly digest: string;
  readonly sizeBytes: number;
}

/** A mirror that has served one blob cold, warm, and one that is not there. */
async function coldAndWarmPull(): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeUpstream.start());
  const mirror = resources.use(await TestMirror.start({ upstreams: { "docker.io": hub } }));
  const blob = noiseBlob("counted", 12_345);
  hub.addBlob("library/app", blob);
  await mirror.get(`/v2/app/blobs/${blob.digest}`);
  await mirror.idle();
  await mirror.get(`/v2/app/blobs/${blob.digest}`);
  await mirror.get(`/v2/app/blobs/${noiseBlob("missing", 1).digest}`);
  const kept = resources.move();
  const { digest, bytes } = blob;
  return {
    mirror,
    digest,
    sizeBytes: bytes.length,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
