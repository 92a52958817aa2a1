import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { noiseBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const sizeBytes = 100_000;

const ranges: readonly (readonly [header: string, first: number, last: number])[] = [
  ["bytes=0-0", 0, 0],
  ["bytes=0-", 0, sizeBytes - 1],
  ["bytes=99999-", sizeBytes - 1, sizeBytes - 1],
  ["bytes=50000-200000", 50_000, sizeBytes - 1],
  ["bytes=-1", sizeBytes - 1, sizeBytes - 1],
  ["bytes=-200000", 0, sizeBytes - 1],
];

for (const state of ["cold", "warm"] as const) {
  test(`parts of a ${state} blob are sent as asked for`, async () => {
    await using hub = await FakeUpstream.start();
    await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
    for (const [header, first, last] of ranges) {
      const blob = noiseBlob(`${state} ${header}`, sizeBytes);
      hub.addBlob("library/app", blob);
      const target = `/v2/app/blobs/${blob.digest}`;
      if (state === "warm") await mirror.get(target).then(() => mirror.idle());

      const answer = await mirror.get(target, { range: header });

      assert.equal(answer.status, 206, header);
      assert.equal(answer.headers["content-range"], `bytes ${first}-${last}/${sizeBytes}`);
      assert.equal(answer.complete, true);
      assert.deepEqual(answer.body, blob.bytes.subarray(first, last + 1));
    }
  });
}

test("several parts come as multipart/byteranges, byte for byte", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("parts", sizeBytes);
  hub.addBlob("library/app", blob);
  const asked = [
    [0, 9],
    [500, 70_000],
    [sizeBytes - 3, sizeBytes - 1],
  ] as const;
  const range = `bytes=${asked.map(([first, last]) => `${first}-${last}`).join(", ")}`;

  for (const state of ["cold", "warm"]) {
    const answer = await mirror.get(`/v2/app/blobs/${blob.digest}`, { range });

    const [, boundary] =
      /^multipart\/byteranges; boundary=(.+)$/.exec(answer.headers["content-type"] ?? "") ?? [];
    const expected = asked.flatMap(([first, last]) => [
      `\r\n--${boundary}\r\ncontent-type: application/octet-stream\r\ncontent-range: bytes ${first}-${last}/${sizeBytes}\r\n\r\n`,
      blob.bytes.subarray(first, last + 1),
    ]);
    assert.equal(answer.status, 206, state);
    assert.equal(answer.complete, true);
    assert.deepEqual(
      answer.body,
      Buffer.concat([...expected, `\r\n--${boundary}--\r\n`].map((part) => Buffer.from(part))),
    );
    await mirror.idle();
  }
});

test("a range behind the end is 416 with the size, and a body of the length it says", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("416", sizeBytes);
  hub.addBlob("library/app", blob);

  const answer = await mirror.get(`/v2/app/blobs/${blob.digest}`, { range: `bytes=${sizeBytes}-` });

  assert.equal(answer.status, 416);
  assert.equal(answer.headers["content-range"], `bytes */${sizeBytes}`);
  assert.equal(answer.complete, true);
});

test("If-Range lets a range through for this very content only", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("if-range", sizeBytes);
  hub.addBlob("library/app", blob);
  const target = `/v2/app/blobs/${blob.digest}`;

  const same = await mirror.get(target, { range: "bytes=0-9", "if-range": `"${blob.digest}"` });
  const other = await mirror.get(target, { range: "bytes=0-9", "if-range": '"sha256:other"' });

  assert.deepEqual([same.status, other.status], [206, 200]);
  assert.deepEqual(other.body, blob.bytes);
});

test("HEAD tells what GET would, without a download, whether cold, in flight or stored", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("head", 1_000_000);
  hub.addBlob("library/app", blob);
  const target = `/v2/app/blobs/${blob.digest}`;

  const cold = await mirror.head(target);
  assert.equal(hub.count("GET", "/blobs/"), 0);
  const release = hub.hold("library/app", blob.digest, 500_000);
  using filling = mirror.open(target);
  await filling.when(({ body }) => body.length === 500_000);
  const inFlight = await mirror.head(target);
  release();
  const got = await filling.end();
  await mirror.idle();
  const stored = await mirror.head(target);

  for (const answer of [cold, inFlight, stored, got]) {
    assert.equal(answer.status, 200);
    assert.equal(answer.complete, true);
    assert.equal(answer.headers["content-length"], String(blob.bytes.length));
    assert.equal(answer.headers["docker-content-digest"], blob.digest);
  }
  assert.equal(hub.count("HEAD", "/blobs/"), 1);
});

test("HEAD of a blob works where upstream's storage refuses HEAD", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("head refused", 1000);
  const path = `/v2/library/app/blobs/${blob.digest}`;
  hub.override(path, (_request, response) => {
    response.writeHead(307, { location: "/storage/signed-for-get" }).end();
  });
  hub.override("/storage/signed-for-get", (request, response) => {
    if (request.method === "HEAD") return void response.writeHead(403).end();
    response.writeHead(206, { "content-range": "bytes 0-0/1000" }).end(blob.bytes.subarray(0, 1));
  });

  const answer = await mirror.head(path);

  assert.equal(answer.headers["content-length"], "1000");
});

test("a client that has the content already is told so", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("not modified", 1000);
  hub.addBlob("library/app", blob);

  const answer = await mirror.get(`/v2/app/blobs/${blob.digest}`, {
    "if-none-match": `"${blob.digest}"`,
  });

  assert.equal(answer.status, 304);
  assert.equal(answer.body.length, 0);
  assert.equal(hub.count("GET", "/blobs/"), 0);
});
