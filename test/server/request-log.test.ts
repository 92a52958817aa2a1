import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { noiseBlob } from "../support/images.ts";
import { patient } from "../support/patience.ts";
import { TestMirror } from "../support/test-mirror.ts";

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

test("the id that a request came with is in its line and its answer, and goes to nobody upstream", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("asked for", 100);
  hub.addBlob("library/app", blob);

  const { headers } = await mirror.get(`/v2/app/blobs/${blob.digest}`, {
    "x-request-id": "a:1/b+c=",
  });

  assert.equal(headers["x-request-id"], "a:1/b+c=");
  assert.equal(mirror.logLines.at(-1)?.["requestId"], "a:1/b+c=");
  assert.ok(hub.requests.length > 0);
  for (const request of hub.requests) assert.equal(request.headers["x-request-id"], undefined);
});

const unfit = ["", "two words", 'a"b', "<script>", "é", "x".repeat(129)];

for (const id of [null, ...unfit]) {
  test(`a request with the id ${JSON.stringify(id)} is given one`, async () => {
    await using mirror = await TestMirror.start({
      upstreams: { "docker.io": "http://127.0.0.1:9" },
    });

    const answer = await mirror.get("/v2/", id === null ? {} : { "x-request-id": id });
    const refused = await mirror.get("/v2/nowhere", id === null ? {} : { "x-request-id": id });

    assert.match(answer.headers["x-request-id"] ?? "", uuid);
    assert.match(refused.headers["x-request-id"] ?? "", uuid);
    assert.deepEqual(
      mirror.logLines
        .filter(({ target }) => target !== undefined)
        .map(({ requestId }) => requestId),
      [answer.headers["x-request-id"], refused.headers["x-request-id"]],
    );
  });
}

test("the log says of a pull that failed what it had waited for", async () => {
  await using hub = await FakeUpstream.start();
  const settings = { "docker.io": { timeouts: { ...patient, headersMs: 50 } } };
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub }, settings });
  hub.overrideAll(() => {});

  await mirror.get("/v2/app/manifests/1");

  const { waitedMs } = mirror.logLines.at(-1) ?? {};
  assert.ok(isTold(waitedMs) && (waitedMs["answer"] ?? 0) >= 50, JSON.stringify(waitedMs));
});

test("the log says of a pull that was slow what it had waited for, and of one that joined it that it did", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("held", 200_000);
  hub.addBlob("library/app", blob);
  const release = hub.hold("library/app", blob.digest, 100_000);
  const pulls = [1, 2].map(() => mirror.open(`/v2/app/blobs/${blob.digest}`));
  await Promise.all(pulls.map((pull) => pull.when(({ body }) => body.length > 0)));
  mirror.advance(5_000);
  release();
  await Promise.all(pulls.map((pull) => pull.end()));

  const lines = mirror.logLines.filter(({ target }) => target !== undefined);
  assert.deepEqual(lines.map(({ outcome }) => outcome).sort(), ["collapsed", "miss"]);
  for (const { durationMs, waitedMs } of lines) {
    assert.ok(Number(durationMs) >= 5_000);
    assert.ok(isTold(waitedMs) && (waitedMs["body"] ?? 0) > 0, JSON.stringify(waitedMs));
  }
});

test("a pull that neither failed nor was slow says nothing of waiting", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": hub },
  });
  const blob = noiseBlob("quick", 100);
  hub.addBlob("library/app", blob);

  await mirror.get(`/v2/app/blobs/${blob.digest}`);

  assert.equal("waitedMs" in (mirror.logLines.at(-1) ?? {}), false);
});

function isTold(waitedMs: unknown): waitedMs is Readonly<Record<string, number>> {
  return typeof waitedMs === "object" && waitedMs !== null;
}
