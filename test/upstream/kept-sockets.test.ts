import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { noiseBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

// Servers close idle connections when they like; one that does so while a request is on its way breaks it.
test("a kept connection that upstream closes under a request costs a second request, not the pull", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const first = noiseBlob("first on the socket", 1000);
  const second = noiseBlob("second on the socket", 1000);
  for (const blob of [first, second]) hub.addBlob("library/app", blob);
  await mirror.get(`/v2/app/blobs/${first.digest}`);
  const path = `/v2/library/app/blobs/${second.digest}`;
  hub.override(path, (request) => {
    hub.override(path, null);
    request.socket.resetAndDestroy();
  });

  const answer = await mirror.get(path);

  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, second.bytes);
  assert.equal(hub.count("GET", second.digest), 2);
});
