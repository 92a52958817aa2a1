import assert from "node:assert/strict";
import { test } from "node:test";
import type { FreshnessRule } from "../../src/config/config.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, noiseBlob } from "../support/images.ts";
import { TestMirror, type TestMirrorOptions } from "../support/test-mirror.ts";

const blob = noiseBlob("filled", 100_000);
const path = `/v2/library/app/blobs/${blob.digest}`;

const passesThrough: FreshnessRule = {
  match: "docker.io/library/*",
  ttlMs: null,
  staleWhileRevalidateMs: null,
  staleIfErrorMs: null,
  negativeTtlMs: null,
  keeps: false,
  denial: null,
};

type Way = readonly [
  result: string,
  options: Omit<TestMirrorOptions, "upstreams">,
  arrange: (hub: FakeUpstream) => void,
];

const ways: readonly Way[] = [
  ["stored", {}, (hub) => hub.addBlob("library/app", blob)],
  ["refused", {}, () => {}],
  ["unstored", { maxSize: { kind: "bytes", bytes: 1 } }, (hub) => hub.addBlob("library/app", blob)],
  ["passed", { freshness: { rules: [passesThrough] } }, (hub) => hub.addBlob("library/app", blob)],
  [
    "failed",
    {},
    (hub) =>
      hub.override(path, (_request, response) => {
        response.writeHead(200, { "content-length": blob.bytes.length });
        response.end(noiseBlob("wrong", blob.bytes.length).bytes);
      }),
  ],
];

for (const [result, options, arrange] of ways) {
  test(`the metrics count a fill that ends ${result} as that`, async () => {
    await using hub = await FakeUpstream.start();
    await using mirror = await TestMirror.start({ ...options, upstreams: { "docker.io": hub } });
    arrange(hub);

    await mirror.get(path);
    await mirror.idle();

    assert.deepEqual(await resultsOf(mirror), [result]);
  });
}

test("the metrics count a fill that the mirror's stop ends as abandoned, and not as failed", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  hub.addBlob("library/app", blob);
  hub.hold("library/app", blob.digest, 50_000);
  using reader = mirror.open(path);
  await reader.when(({ body }) => body.length > 0);

  await mirror.daemon.mirror.stop();

  assert.deepEqual(await resultsOf(mirror), ["abandoned"]);
});

test("the metrics count a manifest that finds no room among what was not stored, and as no fill", async () => {
  await using hub = await FakeUpstream.start();
  const maxSize = { kind: "bytes", bytes: 1 } as const;
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub }, maxSize });
  hub.addImage("library/app", "latest", imageOfSize("roomless", 1_000));

  await mirror.get("/v2/library/app/manifests/latest");
  await mirror.idle();

  const { values } = await mirror.daemon.metrics.unstoredFills.get();
  assert.deepEqual(values, [{ labels: { upstream: "docker.io" }, value: 1 }]);
  assert.deepEqual(await resultsOf(mirror), []);
});

async function resultsOf(mirror: TestMirror): Promise<unknown[]> {
  const { values } = await mirror.daemon.metrics.fills.get();
  return values.filter(({ value }) => value > 0).map(({ labels }) => labels.result);
}
