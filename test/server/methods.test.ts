import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize } from "../support/images.ts";
import { RawRequest, rawRequest } from "../support/raw-client.ts";
import { TestMirror } from "../support/test-mirror.ts";

const { digest } = imageOfSize("methods", 10).manifest;
const pushes: readonly (readonly [method: string, target: string])[] = [
  ["PUT", "/v2/team/app/manifests/latest"],
  ["POST", "/v2/team/app/blobs/uploads/"],
  ["PATCH", "/v2/team/app/blobs/uploads/1"],
  ["PUT", `/v2/team/app/blobs/uploads/1?digest=${digest}`],
  ["DELETE", `/v2/team/app/manifests/${digest}`],
  ["DELETE", `/v2/team/app/blobs/${digest}`],
  ["POST", "/ghcr.io/v2/team/app/blobs/uploads/"],
  ["PUT", "/v2/team/app/manifests/latest?ns=unknown.example"],
  ["PUT", "/"],
  ["POST", "/healthz"],
  ["OPTIONS", "/v2/"],
  ["OPTIONS", "*"],
  ["TRACE", "/v2/"],
  ["PROPFIND", "/v2/"],
  ["M-SEARCH", "/v2/"],
];

test("what would write is refused, says why and where to push, and reaches no upstream", async (t) => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  for (const [method, target] of pushes) {
    await t.test(`${method} ${target.slice(0, 60)}`, async () => {
      const answer = await rawRequest(mirror.url, method, target, { "content-length": "0" });

      assert.equal(answer.status, 405);
      assert.equal(answer.headers["allow"], "GET, HEAD");
      assert.equal(answer.headers["content-type"], "application/json");
      assert.equal(answer.complete, true);
      const { errors } = JSON.parse(answer.body.toString());
      assert.equal(errors.length, 1);
      assert.equal(errors[0].code, "UNSUPPORTED");
      assert.match(errors[0].message, /this is a mirror.*push to the upstream registry/i);
    });
  }
  assert.equal(hub.requests.length, 0);
});

test("a push whose body is still to come is answered without it, and its connection ended", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });

  const answer = await rawRequest(mirror.url, "PATCH", "/v2/team/app/blobs/uploads/1", {
    "content-length": "1000000000",
    connection: "keep-alive",
  });

  assert.equal(answer.status, 405);
  assert.equal(answer.complete, true);
  assert.equal(answer.headers["connection"], "close");
});

test("CONNECT makes the mirror no proxy", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });

  const answer = await rawRequest(mirror.url, "CONNECT", new URL(hub.url).host);

  assert.notEqual(answer.status, 200);
  assert.equal(hub.requests.length, 0);
});

test("a request to become another protocol is answered as any other", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });

  for (const upgrade of ["h2c", "websocket"]) {
    const answer = await mirror.get("/v2/", { connection: "Upgrade, close", upgrade });

    assert.equal(answer.status, 200);
    assert.equal(answer.headers["upgrade"], undefined);
  }
});

test("a push that is still sending gets its answer, not a reset: what it sends is read for a while", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const layer = Buffer.alloc(4 * 1024 * 1024);
  using push = new RawRequest(mirror.url, "PATCH", "/v2/team/app/blobs/uploads/1", {
    "content-length": String(layer.length),
  });

  const answer = await push.when(({ complete }) => complete);
  push.send(layer);
  await push.end();

  assert.equal(answer.status, 405);
  assert.equal(push.wasReset, false);
});

test("a push that never ends is not read for ever", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const layer = Buffer.alloc(64 * 1024 * 1024);
  using push = new RawRequest(mirror.url, "PATCH", "/v2/team/app/blobs/uploads/1", {
    "content-length": String(layer.length),
  });

  push.send(layer);
  await push.end();

  assert.equal(push.wasReset, true);
});
