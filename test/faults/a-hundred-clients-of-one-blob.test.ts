import assert from "node:assert/strict";
import { test } from "node:test";
import { manifestOfBytes } from "../support/fault-manifest.ts";
import { FaultProcessScene } from "../support/fault-process-scene.ts";
import { FaultScene } from "../support/fault-scene.ts";
import { rawRequest } from "../support/raw-client.ts";

const mib = 1024 * 1024;
const sizeBytes = 24 * mib;

test("100 clients of one cold blob, joining from its start to its end, cost one GET upstream and little memory", async () => {
  await using scene = await FaultProcessScene.start();
  const content = scene.upstream.blob("hundred", sizeBytes);
  const halfBytes = sizeBytes / 2;
  const nearEndBytes = Math.floor(sizeBytes * 0.99);
  const holds = [halfBytes, nearEndBytes, sizeBytes - 1];
  const release = scene.upstream.holdAt(content, holds);

  const heads = [1, 2, 3, 4, 5].map(() => scene.pull("good", content, { method: "HEAD" }));
  using first = scene.open("good", content);
  const early = Array.from({ length: 44 }, () => scene.pull("good", content));
  const parts = Array.from({ length: 20 }, (_, at) => {
    const start = at * mib;
    const range = `bytes=${start}-${start + mib - 1}`;
    return scene.pull("good", content, { headers: { range } });
  });
  await first.when(({ bodyBytes }) => bodyBytes === halfBytes);
  const atHalf = Array.from({ length: 20 }, () => scene.open("good", content));
  for (const client of atHalf) await client.when(({ bodyBytes }) => bodyBytes > 0);
  release();
  await first.when(({ bodyBytes }) => bodyBytes >= nearEndBytes - 32 * 1024);
  const nearEnd = Array.from({ length: 10 }, () => scene.open("good", content));
  for (const client of nearEnd) await client.when(({ bodyBytes }) => bodyBytes > 0);
  release();
  release();

  const answers = await Promise.all([
    first.end(),
    ...early,
    ...[...atHalf, ...nearEnd].map((client) => client.end()),
  ]);
  for (const { complete, trueBytes } of answers) {
    assert.ok(complete && trueBytes === sizeBytes, `${trueBytes}`);
  }
  for (const { status, complete, trueBytes } of await Promise.all(parts)) {
    assert.ok(status === 206 && complete && trueBytes === mib);
  }
  for (const { status, headers } of await Promise.all(heads)) {
    assert.equal(status, 200);
    assert.equal(headers["content-length"], String(sizeBytes));
  }
  assert.equal(scene.upstream.asked("GET", content.digest).length, 1);
  assert.equal(scene.upstream.sentBytes(content.digest), sizeBytes);
  const { peakBytes } = await scene.footprint();
  const moreBytes = peakBytes - scene.idle.peakBytes;
  assert.ok(moreBytes <= 128 * mib, `${Math.round(moreBytes / mib)} MiB more than idle`);
  await scene.assertSound();
});

test("100 clients that ask what a cold tag means cost one manifest GET", async () => {
  await using scene = await FaultScene.start();
  const manifest = manifestOfBytes("stampede");
  scene.upstream.tag("latest", manifest);
  const target = "/v2/good/app/manifests/latest";

  const answers = await Promise.all(
    Array.from({ length: 100 }, () => rawRequest(scene.mirror.url, "GET", target)),
  );

  for (const { status, complete, body } of answers) {
    assert.ok(status === 200 && complete && body.equals(manifest.bytes));
  }
  assert.equal(scene.upstream.asked("GET", "/manifests/").length, 1);
  await scene.assertSound();
});

test("when the fill of 100 waiting clients breaks off, they go on together with what is asked for again", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("hundred cut", 4 * mib);

  const answers = await Promise.all(
    Array.from({ length: 100 }, () => scene.pull("cut-once", content)),
  );

  for (const { complete, trueBytes } of answers) {
    assert.ok(complete && trueBytes === content.sizeBytes, `${trueBytes}`);
  }
  assert.equal(scene.upstream.asked("GET", content.digest).length, 2);
  await scene.assertSound();
});
