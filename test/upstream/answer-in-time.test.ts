import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { UpstreamConfig, UpstreamTimeouts } from "../../src/config/config.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, topLayerOf } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = imageOfSize("late", 100);
const hour = 3_600_000;
const answerMs = 400;
const timeouts: UpstreamTimeouts = {
  connectMs: hour,
  headersMs: hour,
  answerMs,
  bodyIdleMs: hour,
};
const byTag = "/v2/team/app/manifests/latest";
const byDigest = `/v2/team/app/manifests/${image.manifest.digest}`;
const list = "/v2/team/app/tags/list";

test("what upstream lets wait ends in the time that an answer has, whatever its steps may take", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await startMirror(hub);
  hub.overrideAll(() => {});

  for (const target of [byTag, byDigest, list]) {
    const answer = await mirror.get(target);
    assert.equal(answer.status, 504, target);
    assert.match(answer.reason, /docker\.io did not answer in time/);
    // Two of them in a row would be reason enough to leave it alone.
    mirror.advance(hour);
  }
});

test("tokens and redirects count against the time that an answer has, too", async () => {
  await using hub = await FakeUpstream.start({ tokens: true });
  await using mirror = await startMirror(hub);
  hub.addImage("team/app", "latest", image);
  hub.override("/token", () => {});
  assert.equal((await mirror.get(byTag)).status, 504);

  mirror.advance(hour);
  hub.override(byTag, (_, response) => {
    response.writeHead(307, { location: "/elsewhere" }).end();
  });
  hub.override("/elsewhere", () => {});
  assert.equal((await mirror.get(byTag)).status, 504);
});

test("every endpoint has its share of the time that an answer has", async () => {
  await using hanging = await FakeUpstream.start();
  await using hub = await FakeUpstream.start();
  hanging.overrideAll(() => {});
  hub.addImage("team/app", "latest", image);
  await using mirror = await startMirror(hanging, {
    endpoints: [new URL(hanging.url), new URL(hub.url)],
    timeouts: { ...timeouts, answerMs: 2_000 },
  });

  const answer = await mirror.get(byTag);

  assert.equal(answer.status, 200);
  assert.ok(hanging.requests.length > 0);
});

test("a body that has begun may take longer than an answer may be waited for", async () => {
  await using hub = await FakeUpstream.start();
  // Longer than a machine stands still, for the header has to come in time.
  const longMs = 1_500;
  await using mirror = await startMirror(hub, { timeouts: { ...timeouts, answerMs: longMs } });
  const { bytes, mediaType } = image.manifest;
  hub.override(byDigest, async (_, response) => {
    response.writeHead(200, { "content-type": mediaType }).write(bytes.subarray(0, 10));
    await delay(longMs + answerMs);
    response.end(bytes.subarray(10));
  });

  assert.ok((await mirror.get(byDigest)).body.equals(bytes));
});

test("a blob has the time of each of its steps, for no client goes elsewhere for one", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await startMirror(hub);
  const layer = topLayerOf(image);
  const path = `/v2/team/app/blobs/${layer.digest}`;
  hub.override(path, async (_, response) => {
    await delay(2 * answerMs);
    response.writeHead(200, { "content-length": layer.bytes.length }).end(layer.bytes);
  });

  assert.ok((await mirror.get(path)).body.equals(layer.bytes));
});

test("whoever asks again for what was waited for in vain is told so at once, and upstream is not asked", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await startMirror(hub);
  hub.overrideAll(() => {});
  for (const target of [byTag, byDigest]) {
    await mirror.head(target);
    const before = hub.requests.length;

    for (let time = 0; time < 4; time++) {
      const again = await mirror.get(target);
      assert.equal(again.status, 504);
      assert.match(again.reason, /docker\.io did not answer in time/);
    }

    assert.equal(hub.requests.length, before);
    mirror.advance(hour);
  }
  hub.overrideAll(null);
  hub.addImage("team/app", "latest", image);
  assert.equal((await mirror.get(byTag)).status, 200);
});

function startMirror(
  hub: FakeUpstream,
  settings: Partial<UpstreamConfig> = {},
): Promise<TestMirror> {
  return TestMirror.start({
    upstreams: { "docker.io": hub },
    settings: { "docker.io": { timeouts, ...settings } },
  });
}
