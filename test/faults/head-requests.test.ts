import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckedAnswer } from "../support/checking-client.ts";
import { FaultScene } from "../support/fault-scene.ts";

const sizeBytes = 1_000_000;

test("HEAD says what GET would, whether the blob is cold, in flight or stored", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("flows", sizeBytes);
  const release = scene.upstream.hold(content, sizeBytes / 2);

  const cold = await scene.pull("good", content, { method: "HEAD" });
  assert.equal(scene.blobGets(content), 0, "HEAD downloads nothing");
  using filling = scene.open("good", content);
  await filling.when(({ bodyBytes }) => bodyBytes === sizeBytes / 2);
  const inFlight = await scene.pull("good", content, { method: "HEAD" });
  release();
  const got = await scene.finish(filling, "good", content);
  await scene.mirror.idle();
  const stored = await scene.pull("good", content, { method: "HEAD" });

  for (const answer of [cold, inFlight, stored]) assertSameAs(got, answer);
  assert.equal(scene.blobGets(content), 1);
  assert.equal(scene.upstream.asked("HEAD", content.digest).length, 1);
  await scene.assertSound({ stored: [content] });
});

test("HEAD of a blob that is not there is 404 without a body", async () => {
  await using scene = await FaultScene.start();
  const stranger = scene.upstream.blob("known to nobody else", 1000).changed({ first: 0, end: 1 });

  const answer = await scene.pull("good", stranger, { method: "HEAD" });

  assert.equal(answer.status, 404);
  assert.equal(answer.bodyBytes, 0);
  await scene.assertSound({ unstored: [stranger] });
});

test("HEAD goes by a GET of one byte where the upstream has none", async () => {
  await using scene = await FaultScene.start();
  for (const size of [0, 1, sizeBytes]) {
    const content = scene.upstream.blob(`405 ${size}`, size);

    const head = await scene.pull("head-405", content, { method: "HEAD" });
    const got = await scene.pullWhole("head-405", content);

    assert.equal(head.status, 200);
    assert.equal(head.headers["content-length"], String(size));
    assertSameAs(got, head);
  }
  await scene.assertSound();
});

test("an upstream that answers HEAD with a body disturbs nobody", async () => {
  await using scene = await FaultScene.start();
  for (let turn = 0; turn < 5; turn++) {
    const content = scene.upstream.blob(`body ${turn}`, 50_000);

    const head = await scene.pull("head-with-body", content, { method: "HEAD" });
    await scene.pullWhole("head-with-body", content);

    assert.equal(head.bodyBytes, 0);
    assert.ok(head.status === 200 || head.status === 502, JSON.stringify(head));
  }
  await scene.assertSound();
});

test("a length that only HEAD lies about is never what GET promises", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("lie", sizeBytes);
  const release = scene.upstream.hold(content, sizeBytes / 2);

  const cold = await scene.pull("head-size-lie", content, { method: "HEAD" });
  using filling = scene.open("head-size-lie", content);
  await filling.when(({ bodyBytes }) => bodyBytes === sizeBytes / 2);
  const inFlight = await scene.pull("head-size-lie", content, { method: "HEAD" });
  release();
  await scene.finish(filling, "head-size-lie", content);
  await scene.mirror.idle();
  const stored = await scene.pull("head-size-lie", content, { method: "HEAD" });

  assert.equal(
    cold.headers["content-length"],
    String(sizeBytes * 2 + 7),
    "there is nothing better to say",
  );
  assert.equal(inFlight.headers["content-length"], String(sizeBytes));
  assert.equal(stored.headers["content-length"], String(sizeBytes));
  await scene.assertSound({ stored: [content] });
});

/** In all that clients decide by; how it was answered may differ. */
function assertSameAs(got: CheckedAnswer, head: CheckedAnswer): void {
  assert.equal(head.status, got.status);
  assert.equal(head.complete, true);
  const deciding = ({ headers }: CheckedAnswer): (string | undefined)[] =>
    ["content-length", "content-type", "docker-content-digest", "etag", "accept-ranges"].map(
      (name) => headers[name],
    );
  assert.deepEqual(deciding(head), deciding(got));
}
