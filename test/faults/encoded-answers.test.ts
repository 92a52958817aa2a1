import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { digestOf } from "../../src/oci/digest.ts";
import { manifestOfBytes } from "../support/fault-manifest.ts";
import { FaultScene } from "../support/fault-scene.ts";
import { SeededContent } from "../support/seeded-content.ts";

const asked = { "accept-encoding": "zstd;q=1.0, gzip;q=0.8, br, *" };

/** How upstream says the bytes are encoded, and the bytes it sends for what was asked for. */
const encodings: readonly (readonly [label: string, encode: (bytes: Buffer) => Buffer])[] = [
  ["gzip", gzipSync],
  ["x-gzip", gzipSync],
  ["br", brotliCompressSync],
  ["zstd", zstdCompressSync],
  ["deflate", deflateSync],
  ["gzip, gzip", (bytes) => gzipSync(gzipSync(bytes))],
  [Array(50).fill("gzip").join(", "), (bytes) => gzipSync(bytes)],
  // Malformed: the beginning of a stream and no more.
  ["gzip", (bytes) => gzipSync(bytes).subarray(0, 20)],
  ["br", () => Buffer.from([0xff, 0xff, 0xff, 0xff])],
  // Said to be no encoding, and yet encoded.
  ["identity", gzipSync],
  // 4 KiB that decode to 4 MiB.
  ["gzip", () => gzipSync(Buffer.alloc(4 * 1024 * 1024))],
];

test("what upstream encoded in place of the digest's bytes is refused, and decoded for nobody", async () => {
  await using scene = await FaultScene.start();
  const contents: SeededContent[] = [];
  for (const [at, [label, encode]] of encodings.entries()) {
    // One that waits for its digest whole, and one whose beginning does not.
    for (const sizeBytes of [20_000, 100_000]) {
      const blob = scene.upstream.blob(`encoded ${at}`, sizeBytes);
      const target = `/v2/good/app/blobs/${blob.digest}`;
      const sent = encode(blob.slice(0, sizeBytes));
      contents.push(blob);
      scene.upstream.answer(target, async (wire) => {
        await wire.whole("200 OK", { "content-encoding": label }, sent);
      });

      scene.passOver();
      const { status, headers, body, complete } = await scene.mirror.get(target, asked);

      assert.ok(status === 502 || (sizeBytes > 32_768 && !complete), `${label}: ${status}`);
      if (status === 200) assert.ok(sent.subarray(0, body.length).equals(body), label);
      assert.equal(headers["content-encoding"], undefined);
    }
  }
  assertAskedUnencoded(scene);
  await scene.assertSound({ unstored: contents });
  await scene.assertHeals(contents.map((content) => ["good", content]));
});

test("a manifest that upstream encoded in place of the digest's bytes is refused", async () => {
  await using scene = await FaultScene.start();
  for (const [at, [label, encode]] of encodings.entries()) {
    const manifest = manifestOfBytes(`encoded ${at}`);
    const target = `/v2/good/app/manifests/${manifest.digest}`;
    const head = { "content-type": manifest.mediaType, "content-encoding": label };
    scene.upstream.answer(target, async (wire) => {
      await wire.whole("200 OK", head, encode(manifest.bytes));
    });

    scene.passOver();
    const answer = await scene.mirror.get(target, asked);

    assert.equal(answer.status, 502, label);
    assert.equal(answer.headers["content-encoding"], undefined);
  }
  assertAskedUnencoded(scene);
  await scene.assertSound();
});

test("bytes that have the digest as they came pass as they are, whatever they are said to be", async () => {
  await using scene = await FaultScene.start();
  for (const [at, label] of [
    "gzip",
    "br",
    "zstd",
    "gzip, gzip",
    "identity",
    "é",
    "<script>",
  ].entries()) {
    const layer = gzipSync(new SeededContent(`raw ${at}`, 40_000 * (at + 1)).slice(0, 40_000));
    const manifest = manifestOfBytes(`raw ${at}`);
    const ofBlob = `/v2/good/app/blobs/${digestOf(layer)}`;
    const ofManifest = `/v2/good/app/manifests/${manifest.digest}`;
    const head = { "content-type": manifest.mediaType, "content-encoding": label };
    scene.upstream.answer(ofBlob, async (wire) => await wire.whole("200 OK", head, layer));
    scene.upstream.answer(ofManifest, async (wire) => {
      await wire.whole("200 OK", head, manifest.bytes);
    });

    for (const [target, bytes] of [
      [ofBlob, layer],
      [ofManifest, manifest.bytes],
      // From the store.
      [ofBlob, layer],
      [ofManifest, manifest.bytes],
    ] as const) {
      const answer = await scene.mirror.get(target, asked);
      await scene.mirror.idle();

      assert.equal(answer.status, 200);
      assert.ok(answer.body.equals(bytes), `${target} as ${label}`);
      assert.equal(answer.headers["content-encoding"], undefined);
      assert.equal(answer.headers["transfer-encoding"], undefined);
    }
  }
  assertAskedUnencoded(scene);
  await scene.assertSound();
});

test("a list, a token or an error that is encoded is not read, and not decoded", async () => {
  await using scene = await FaultScene.start();
  const words = Buffer.from(`{"errors":[{"code":"${"READ".repeat(50)}"}]}`);
  for (const [at, [label, encode]] of encodings.entries()) {
    const encoded = { "content-type": "application/json", "content-encoding": label };
    const ofList = `/v2/good/list${at}/tags/list`;
    const ofToken = `/v2/good/token${at}/tags/list`;
    const ofError = `/v2/good/error${at}/tags/list`;
    const realm = `${scene.upstream.url}/token${at}`;
    const { upstream } = scene;
    upstream.answer(ofList, async (wire) => {
      await wire.whole("200 OK", encoded, encode(Buffer.from('{"tags":["1"]}')));
    });
    upstream.answer(ofToken, async (wire) => {
      await wire.whole("401 Unauthorized", { "www-authenticate": `Bearer realm="${realm}"` });
    });
    upstream.answer(`/token${at}`, async (wire) => {
      await wire.whole("200 OK", encoded, encode(Buffer.from('{"token":"CANARYT1"}')));
    });
    upstream.answer(ofError, async (wire) => {
      await wire.whole("500 Broken", encoded, encode(words));
    });

    scene.passOver();
    for (const target of [ofList, ofToken, ofError]) {
      const answer = await scene.mirror.get(target, asked);

      assert.equal(answer.status, 502, `${target} as ${label}`);
      assert.equal(answer.headers["content-encoding"], undefined);
      const { message } = JSON.parse(answer.body.toString()).errors[0];
      assert.doesNotMatch(message, /READREAD/);
    }
  }
  assertAskedUnencoded(scene);
  await scene.assertSound();
});

test("a manifest by tag that upstream encoded is refused", async () => {
  await using scene = await FaultScene.start();
  for (const [at, [label, encode]] of encodings.entries()) {
    const manifest = manifestOfBytes(`tag ${at}`);
    const target = `/v2/good/app/manifests/v${at}`;
    const head = { "content-type": manifest.mediaType, "content-encoding": label };
    scene.upstream.answer(target, async (wire) => {
      await wire.whole("200 OK", head, encode(manifest.bytes));
    });

    scene.passOver();
    const answer = await scene.mirror.get(target, asked);

    assert.equal(answer.status, 502, label);
  }
  assertAskedUnencoded(scene);
  await scene.assertSound();
});

function assertAskedUnencoded({ upstream }: FaultScene): void {
  assert.ok(upstream.requests.length > 0);
  for (const { headers } of upstream.requests) {
    assert.equal(headers["accept-encoding"], "identity");
  }
}
