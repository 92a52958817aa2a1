import assert from "node:assert/strict";
import { test } from "node:test";
import { imageOfSize, noiseBlob } from "../support/images.ts";
import { OutboundProxy } from "../support/outbound-proxy.ts";
import { TestMirror } from "../support/test-mirror.ts";
import { answerBytes, RawUpstream } from "./raw-upstream.ts";

const { manifest } = imageOfSize("wanted", 10);
const evil = imageOfSize("stray", 10).manifest;
const list = "/v2/team/app/tags/list";
const byTag = "/v2/team/app/manifests/latest";
const manifestHeaders = { "content-type": manifest.mediaType };

const strayTag = answerBytes(
  200,
  { "content-type": evil.mediaType, "docker-content-digest": evil.digest },
  evil.bytes,
);

for (const strayWhen of ["with the answer", "with the next request"] as const) {
  test(`a second answer that nobody asked for, sent ${strayWhen}, is never taken for a tag`, async () => {
    const blob = noiseBlob(`poison ${strayWhen}`, 100);
    const poisoned = new Set<number>();
    await using registry = await RawUpstream.start(({ target, socket, connection }) => {
      if (target.includes("/blobs/")) {
        socket.write(answerBytes(200, { connection: "keep-alive" }, blob.bytes));
        if (strayWhen === "with the answer") socket.write(strayTag);
        poisoned.add(connection);
      } else if (poisoned.has(connection)) {
        // The connection that the blob came over: its peer answers what it likes.
        socket.write(Buffer.concat([strayTag, strayTag]));
      } else {
        // No digest in the header: what the tag means is whatever comes as the answer.
        socket.end(answerBytes(200, manifestHeaders, manifest.bytes));
      }
    });
    await using mirror = await TestMirror.start({ upstreams: { "docker.io": registry.url } });

    const blobs = await mirror.get(`/v2/team/app/blobs/${blob.digest}`);
    const tag = await mirror.get(byTag);

    assert.deepEqual(blobs.body, blob.bytes);
    assert.deepEqual(tag.body, manifest.bytes);
    assert.equal(tag.headers["docker-content-digest"], manifest.digest);
    for (const { target, connection } of registry.requests) {
      if (target === byTag) assert.ok(!poisoned.has(connection));
    }
  });
}

for (const through of ["directly", "through a proxy"] as const) {
  test(`tags, lists and tokens go ${through} over a connection of their own each, which says so`, async () => {
    await using registry = await RawUpstream.start(({ target, headers, socket }) => {
      if (target.startsWith("/token")) {
        socket.write(answerBytes(200, {}, '{"token":"t","expires_in":0}'));
      } else if (!headers.includes("authorization:")) {
        const challenge = `Bearer realm="${registry.url}/token"`;
        socket.write(answerBytes(401, { "www-authenticate": challenge }));
      } else if (target.endsWith("/list")) {
        socket.write(answerBytes(200, {}, '{"tags":[]}'));
      } else {
        socket.write(answerBytes(200, manifestHeaders, manifest.bytes));
      }
    });
    await using proxy = await OutboundProxy.start();
    const setting = { kind: "url", url: new URL(proxy.url) } as const;
    await using mirror = await TestMirror.start({
      upstreams: { "docker.io": registry.url },
      settings: through === "directly" ? {} : { "docker.io": { proxy: setting } },
    });

    for (let turn = 0; turn < 3; turn++) {
      assert.equal((await mirror.get(list)).status, 200);
    }

    const connections = registry.requests.map(({ connection }) => connection);
    assert.equal(new Set(connections).size, connections.length);
    if (through === "directly") {
      for (const { headers } of registry.requests) assert.match(headers, /^connection: close$/m);
    } else {
      assert.equal(proxy.sockets, proxy.requests.length);
    }
  });
}

test("what a digest can check shares connections", async () => {
  const blobs = [1, 2, 3].map((at) => noiseBlob(`shared ${at}`, 100));
  await using registry = await RawUpstream.start(({ target, socket }) => {
    const blob = blobs.find(({ digest }) => target.endsWith(digest));
    socket.write(answerBytes(200, { connection: "keep-alive" }, blob?.bytes));
  });
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": registry.url } });

  for (const { digest, bytes } of blobs) {
    assert.deepEqual((await mirror.get(`/v2/team/app/blobs/${digest}`)).body, bytes);
    await mirror.idle();
  }

  assert.deepEqual(
    registry.requests.map(({ connection }) => connection),
    [0, 0, 0],
  );
});

test("a digest that is not found on a kept connection is asked for on a fresh one", async () => {
  const [first, second] = [noiseBlob("kept", 100), noiseBlob("missing there", 100)];
  await using registry = await RawUpstream.start(({ target, socket, connection }) => {
    if (target.endsWith(first.digest)) {
      socket.write(answerBytes(200, { connection: "keep-alive" }, first.bytes));
    } else if (connection === 0) {
      socket.write(answerBytes(404, { connection: "keep-alive" }, "{}"));
    } else {
      socket.write(answerBytes(200, {}, second.bytes));
    }
  });
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": registry.url } });
  await mirror.get(`/v2/team/app/blobs/${first.digest}`);
  await mirror.idle();

  const answer = await mirror.get(`/v2/team/app/blobs/${second.digest}`);

  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, second.bytes);
  assert.deepEqual(
    registry.requests.map(({ connection }) => connection),
    [0, 0, 1],
  );
});

test("a digest that is not found on a fresh connection either is not there", async () => {
  await using registry = await RawUpstream.start(({ socket }) => {
    socket.write(answerBytes(404, { connection: "keep-alive" }, "{}"));
  });
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": registry.url } });

  const answer = await mirror.get(`/v2/team/app/blobs/${noiseBlob("nowhere", 1).digest}`);

  assert.equal(answer.status, 404);
  assert.equal(JSON.parse(answer.body.toString()).errors[0].code, "BLOB_UNKNOWN");
  const connections = registry.requests.map(({ connection }) => connection);
  assert.equal(new Set(connections).size, connections.length);
});
