import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, noiseBlob, type TestImage } from "../support/images.ts";
import type { RawRequest } from "../support/raw-client.ts";
import { TestMirror } from "../support/test-mirror.ts";

const hourMs = 3_600_000;
const timeouts = { connectMs: hourMs, headersMs: hourMs, answerMs: hourMs, bodyIdleMs: hourMs };

const stalls = {
  "before its answers": 0,
  "in the middle of its answers": 60_000,
} as const;

for (const [where, afterBytes] of Object.entries(stalls)) {
  test(`500 clients of an upstream that stalls ${where} hold up no client of another`, async () => {
    await using stalled = await FakeUpstream.start();
    await using well = await FakeUpstream.start();
    await using mirror = await TestMirror.start({
      upstreams: { "docker.io": well, "stalled.example": stalled },
      settings: { "stalled.example": { timeouts } },
    });
    const [warm, cold] = [imageOfSize("warm", 300_000), imageOfSize("cold", 300_000)];
    well.addImage("library/app", "warm", warm);
    well.addImage("library/app", "cold", cold);
    await pullWhole(mirror, "warm", warm);
    await using clients = new AsyncDisposableStack();
    const waiting = Array.from({ length: 500 }, (_, at) => {
      const blob = noiseBlob(`stalled ${at}`, 100_000);
      stalled.addBlob("team/app", blob);
      clients.defer(stalled.hold("team/app", blob.digest, afterBytes));
      return clients.use(mirror.open(`/v2/stalled.example/team/app/blobs/${blob.digest}`));
    });
    await eventually("all are asked for", () => stalled.requests.length >= waiting.length);

    await pullWhole(mirror, "warm", warm);
    await pullWhole(mirror, "cold", cold);

    assert.ok(waiting.every((client) => isWaiting(client)));
    const text = (await mirror.admin("/metrics")).body.toString();
    assert.match(text, /^sluice_connections\{listener="server"\} 50\d$/m);
    assert.match(text, /^sluice_upstream_up\{upstream="docker.io"\} 1$/m);
  });
}

/** As a client does: the tag, and then what it names. */
async function pullWhole(mirror: TestMirror, tag: string, image: TestImage): Promise<void> {
  assert.equal((await mirror.get(`/v2/app/manifests/${tag}`)).status, 200);
  for (const { digest, bytes } of image.blobs) {
    const { body, complete } = await mirror.get(`/v2/app/blobs/${digest}`);
    assert.ok(complete && body.equals(bytes));
  }
}

function isWaiting({ answer }: RawRequest): boolean {
  return answer === null || !answer.complete;
}
