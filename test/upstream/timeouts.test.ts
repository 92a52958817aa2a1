import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { noiseBlob } from "../support/images.ts";
import { patient } from "../support/patience.ts";
import { TestMirror } from "../support/test-mirror.ts";
import { RawUpstream } from "./raw-upstream.ts";

const noHeader = { "docker.io": { timeouts: { ...patient, headersMs: 400 } } };
const noMore = { "docker.io": { timeouts: { ...patient, bodyIdleMs: 400 } } };
const list = "/v2/team/app/tags/list";

const { digest } = noiseBlob("no header", 10);

for (const path of [list, `/v2/team/app/blobs/${digest}`, `/v2/team/app/manifests/${digest}`]) {
  test(`an upstream that sends no header is given up: ${path.slice(0, 30)}`, async () => {
    await using hub = await FakeUpstream.start();
    await using mirror = await TestMirror.start({
      upstreams: { "docker.io": hub },
      settings: noHeader,
    });
    hub.override(path, () => {});

    const answer = await mirror.get(path);

    assertTimeout(answer, "headers");
  });
}

test("an upstream that sends its header a byte at a time is given up", async () => {
  await using trickle = await RawUpstream.start(({ socket }) => {
    const bytes = Buffer.from(`HTTP/1.1 200 OK\r\nX-Long: ${"x".repeat(10_000)}`);
    repeat(socket, 20, (at) => bytes.subarray(at, at + 1));
  });
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": trickle.url },
    settings: noHeader,
  });

  assertTimeout(await mirror.get(list), "headers");
});

// Each 1xx answer renews undici's header timeout: an upstream that sent them faster than that was waited for as
// long as it liked.
test("an upstream that only ever announces its answer is given up", async () => {
  await using announcing = await RawUpstream.start(({ socket }) => {
    repeat(socket, 20, () => Buffer.from("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"));
  });
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": announcing.url },
    settings: { "docker.io": { timeouts: patient } },
  });

  const answer = await mirror.get(list);

  assert.equal(answer.status, 502);
  assert.match(answer.body.toString(), /1xx/);
});

test("an answer that is announced once or twice is taken", async () => {
  await using announcing = await RawUpstream.start(({ socket }) => {
    const hint = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
    socket.write(`${hint}${hint}HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{"tags":[]}`);
  });
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": announcing.url } });

  assert.equal((await mirror.get(list)).body.toString(), '{"tags":[]}');
});

test("a list or a manifest that stops half-way is given up", async (t) => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": hub },
    settings: noMore,
  });
  const { digest } = noiseBlob("half a manifest", 10);
  const index = "application/vnd.oci.image.index.v1+json";
  for (const path of [list, `/v2/team/app/manifests/${digest}`]) {
    await t.test(path.slice(0, 30), async () => {
      hub.override(path, (_, response) => {
        response.writeHead(200, { "content-type": index, "content-length": 100 }).write("{");
      });

      const answer = await mirror.get(path);

      assertTimeout(answer, "body");
    });
  }
});

for (const declared of [true, false]) {
  test(`a blob ${declared ? "of known" : "of unknown"} length that stops half-way is cut, never ended`, async () => {
    await using hub = await FakeUpstream.start();
    await using mirror = await TestMirror.start({
      upstreams: { "docker.io": hub },
      settings: noMore,
    });
    const blob = noiseBlob(`half a blob ${declared}`, 400_000);
    const path = `/v2/team/app/blobs/${blob.digest}`;
    hub.override(path, (_, response) => {
      const length = declared ? { "content-length": blob.bytes.length } : {};
      response.writeHead(200, length).write(blob.bytes.subarray(0, 200_000));
    });

    using pull = mirror.open(path);
    const answer = await pull.end();

    assert.equal(answer.complete, false);
    assert.ok(blob.bytes.subarray(0, answer.body.length).equals(answer.body));
    assert.ok(answer.body.length <= 200_000);
    await mirror.idle();
    // Nothing of it is kept: the next pull asks again.
    mirror.reload({ "docker.io": hub }, {});
    hub.override(path, (_, response) => void response.writeHead(200).end(blob.bytes));
    assert.ok((await mirror.get(path)).body.equals(blob.bytes));
  });
}

/** Writes one piece after the other, each `everyMs`, until the socket is closed or there is none. */
function repeat(socket: RawRequestSocket, everyMs: number, piece: (at: number) => Buffer): void {
  let at = 0;
  const timer = setInterval(() => {
    const bytes = piece(at++);
    if (socket.destroyed || bytes.length === 0) clearInterval(timer);
    else socket.write(bytes);
  }, everyMs);
  socket.once("close", () => clearInterval(timer));
}

type RawRequestSocket = Parameters<Parameters<typeof RawUpstream.start>[0]>[0]["socket"];

function assertTimeout(answer: { status: number; body: Buffer }, phase: string): void {
  const [error] = JSON.parse(answer.body.toString()).errors;
  assert.equal(answer.status, 504);
  assert.equal(error.code, "UNAVAILABLE");
  assert.deepEqual(error.detail, { upstream: "docker.io", kind: "timeout", phase });
}
