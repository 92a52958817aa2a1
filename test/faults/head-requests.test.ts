import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { hexOf } from "../../src/oci/digest.ts";
import type { CheckedAnswer } from "../support/checking-client.ts";
import { manifestOfBytes } from "../support/fault-manifest.ts";
import { FaultScene } from "../support/fault-scene.ts";
import type { FaultWire } from "../support/fault-wire.ts";
import type { RawAnswer } from "../support/raw-client.ts";

const sizeBytes = 1_000_000;

test("HEAD and GET of a blob never contradict each other, whether it is cold, in flight or stored", async () => {
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

test("HEAD of a blob that upstream does not have is 404 without a body", async () => {
  await using scene = await FaultScene.start();
  const stranger = scene.upstream.blob("known to nobody else", 1000).changed({ first: 0, end: 1 });

  const answer = await scene.pull("good", stranger, { method: "HEAD" });

  assert.equal(answer.status, 404);
  assert.equal(answer.bodyBytes, 0);
  await scene.assertSound({ unstored: [stranger] });
});

test("HEAD of a blob goes by a GET of one byte where upstream knows no HEAD", async () => {
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

test("an upstream that answers HEAD with a body spoils no later answer on the connection", async () => {
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

test("HEAD and GET of a manifest never contradict each other, whether it is cold, in flight or stored", async () => {
  await using scene = await FaultScene.start();
  const manifest = manifestOfBytes("flows");
  const byTag = "/v2/good/app/manifests/latest";
  const byDigest = `/v2/good/app/manifests/${manifest.digest}`;
  scene.upstream.tag("latest", manifest);

  const [cold, inFlight] = await Promise.all([scene.mirror.head(byTag), scene.mirror.head(byTag)]);
  const answers = [cold, inFlight];
  for (const target of [byTag, byDigest]) answers.push(await scene.mirror.head(target));
  const got = await scene.mirror.get(byTag);

  for (const answer of answers) {
    assert.equal(answer.status, 200);
    assert.equal(answer.body.length, 0);
    assert.deepEqual(ofManifest(answer), ofManifest(got));
  }
  assert.equal(got.headers["content-length"], String(manifest.bytes.length));
  assert.equal(scene.upstream.asked("HEAD", byTag).length, 1);
  assert.equal(scene.upstream.asked("GET", byDigest).length, 1);
  await scene.assertSound({ stored: [manifest.content] });
});

test("HEAD of a manifest goes by GET where upstream knows no HEAD, and believes no length", async () => {
  await using scene = await FaultScene.start();
  const heads: Readonly<Record<string, (wire: FaultWire) => Promise<void>>> = {
    none: (wire) => wire.whole("405 Method Not Allowed", {}),
    "no digest": (wire) => wire.head("200 OK", {}),
    "a length that lies": (wire) => wire.head("200 OK", { "content-length": 2 ** 40 }),
    "a body": async (wire) => {
      await wire.head("200 OK", { "content-length": 5 });
      await wire.raw("HTTP/");
      wire.end();
    },
  };
  for (const [what, head] of Object.entries(heads)) {
    const manifest = manifestOfBytes(what);
    const target = `/v2/good/${what.replaceAll(" ", "-")}/manifests/latest`;
    scene.upstream.answer(target, async (wire, { method }) => {
      if (method === "HEAD") await head(wire);
      else await wire.whole("200 OK", { "content-type": manifest.mediaType }, manifest.bytes);
    });

    const cold = await scene.mirror.head(target);
    const got = await scene.mirror.get(target);

    assert.equal(cold.status, 200, what);
    assert.deepEqual(ofManifest(cold), ofManifest(got));
    assert.equal(cold.headers["content-length"], String(manifest.bytes.length));
    assert.deepEqual(got.body, manifest.bytes);
  }
  await scene.assertSound();
});

test("HEAD of what the store has lost asks the upstream again, and says the same", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("lost", sizeBytes);
  const got = await scene.pullWhole("good", content);
  await scene.mirror.idle();
  const hex = hexOf(content.digest);
  await rm(join(scene.directory, "blobs", "sha256", hex.slice(0, 2), hex));

  const head = await scene.pull("good", content, { method: "HEAD" });

  assertSameAs(got, head);
  assert.equal(scene.upstream.asked("HEAD", content.digest).length, 1);
  assert.equal(scene.blobGets(content), 1, "HEAD downloads nothing");
  await scene.assertHeals([["good", content]]);
  await scene.assertSound({ stored: [content] });
});

function ofManifest({ headers }: RawAnswer): (string | undefined)[] {
  return ["content-length", "content-type", "docker-content-digest", "etag"].map(
    (name) => headers[name],
  );
}

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
