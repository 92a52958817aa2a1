import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { noiseBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

// Around the 32 KiB that are held back, and far beyond them.
const sizes = [1, 2, 32_767, 32_768, 32_769, 65_536, 1_048_577];

type Lie = (bytes: Buffer) => { readonly header: Record<string, number>; readonly body: Buffer };

const lies: Readonly<Record<string, Lie>> = {
  "one bit flipped at the start": (bytes) => ({
    header: { "content-length": bytes.length },
    body: flipped(bytes, 0),
  }),
  "one bit flipped at the end": (bytes) => ({
    header: { "content-length": bytes.length },
    body: flipped(bytes, bytes.length - 1),
  }),
  "one bit flipped, length unknown": (bytes) => ({
    header: {},
    body: flipped(bytes, bytes.length >> 1),
  }),
  "half of it, honest about the length": (bytes) => {
    const body = bytes.subarray(0, bytes.length >> 1);
    return { header: { "content-length": body.length }, body };
  },
  "half of it, then the end, length unknown": (bytes) => ({
    header: {},
    body: bytes.subarray(0, bytes.length >> 1),
  }),
  "a web page": () => ({ header: {}, body: Buffer.from("<html>please log in</html>") }),
};

for (const [name, lie] of Object.entries(lies)) {
  test(`an upstream that sends ${name} never yields a complete answer, and nothing of it stays`, async () => {
    await using hub = await FakeUpstream.start();
    await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
    for (const sizeBytes of sizes) {
      const blob = noiseBlob(`${name} ${sizeBytes}`, sizeBytes);
      hub.addBlob("library/app", blob);
      const { header, body } = lie(blob.bytes);
      const path = `/v2/library/app/blobs/${blob.digest}`;
      hub.override(path, (_request, response) => void response.writeHead(200, header).end(body));

      const before = await mirror.stored();
      const answers = await Promise.all([1, 2, 3].map(() => mirror.get(path)));

      for (const answer of answers) assertNoWrongByte(answer, blob.bytes, body);
      await mirror.idle();
      assert.deepEqual(await mirror.stored(), before);
      hub.override(path, null);
      assert.deepEqual((await mirror.get(path)).body, blob.bytes, "after the upstream healed");
      await mirror.idle();
    }
  });
}

// From 8 MiB on a thread hashes what is written.
test("a large blob with a wrong byte never yields a complete answer either, and a right one does", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("large", 9 * 1024 * 1024 + 1);
  hub.addBlob("library/app", blob);
  const wrong = flipped(blob.bytes, 5_000_000);
  const path = `/v2/library/app/blobs/${blob.digest}`;
  hub.override(path, (_request, response) => {
    response.writeHead(200, { "content-length": wrong.length }).end(wrong);
  });

  const answers = await Promise.all([1, 2].map(() => mirror.get(path)));

  for (const answer of answers) assertNoWrongByte(answer, blob.bytes, wrong);
  await mirror.idle();
  assert.deepEqual(await mirror.stored(), { blobs: 0, bytes: 0 });
  hub.override(path, null);
  assert.ok((await mirror.get(path)).body.equals(blob.bytes));
  await mirror.idle();
  assert.deepEqual(await mirror.stored(), { blobs: 1, bytes: blob.bytes.length });
});

test("an upstream that breaks off cuts the answer, never ends it", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("cut", 1_000_000);
  const path = `/v2/library/app/blobs/${blob.digest}`;
  for (const header of [{ "content-length": blob.bytes.length }, {}]) {
    hub.override(path, (_request, response) => {
      response.writeHead(200, header);
      response.write(blob.bytes.subarray(0, 500_000), () => response.destroy());
    });

    const answer = await mirror.get(path);

    assert.equal(answer.complete, false);
    assert.deepEqual(answer.body, blob.bytes.subarray(0, answer.body.length));
  }
});

test("an HTTP/1.0 client, who knows the end only by the connection's, is cut by a reset", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("old", 200_000);
  const path = `/v2/library/app/blobs/${blob.digest}`;
  hub.override(path, (_request, response) => void response.end(flipped(blob.bytes, 0)));

  using request = mirror.openOld(path);
  await request.end();

  assert.equal(request.wasReset, true);
});

function assertNoWrongByte(
  answer: { readonly status: number; readonly complete: boolean; readonly body: Buffer },
  truth: Buffer,
  sent: Buffer,
): void {
  if (answer.status === 502) return;
  assert.equal(answer.status, 200);
  assert.equal(answer.complete, false, "a wrong answer was complete");
  // What went out before the lie was known is what upstream sent, never more of something else.
  assert.ok(sent.subarray(0, answer.body.length).equals(answer.body));
  assert.ok(answer.body.length < truth.length || answer.body.length < sent.length);
}

function flipped(bytes: Buffer, at: number): Buffer {
  const wrong = Buffer.from(bytes);
  wrong.writeUInt8(wrong.readUInt8(at) ^ 1, at);
  return wrong;
}
