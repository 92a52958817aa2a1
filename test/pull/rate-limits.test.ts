import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, topLayerOf } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = imageOfSize("limited", 100);
const layer = topLayerOf(image);
const byTag = "/v2/team/app/manifests/latest";
const start = Date.parse("2026-01-01T00:00:00Z");
const longestMs = 5 * 60_000;

interface Row {
  readonly retryAfter: string | null;
  /** For how long upstream is left alone. */
  readonly waitMs: number;
}

const rows: Readonly<Record<string, Row>> = {
  "seven seconds": { retryAfter: "7", waitMs: 7_000 },
  "no time": { retryAfter: "0", waitMs: 0 },
  "a date": { retryAfter: new Date(start + 90_000).toUTCString(), waitMs: 90_000 },
  "a date that has passed": { retryAfter: new Date(start - 90_000).toUTCString(), waitMs: 0 },
  "a date a year ahead": {
    retryAfter: new Date(start + 365 * 24 * 3_600_000).toUTCString(),
    waitMs: longestMs,
  },
  "less than no time": { retryAfter: "-1", waitMs: 0 },
  "thirty years": { retryAfter: "1000000000", waitMs: longestMs },
  "more than any number": { retryAfter: `${"9".repeat(400)}!`, waitMs: 0 },
  "a number as no header has it": { retryAfter: "1e9", waitMs: 0 },
  "half seconds": { retryAfter: "1.5", waitMs: 0 },
  nothing: { retryAfter: null, waitMs: 0 },
  "empty words": { retryAfter: "", waitMs: 0 },
  "a word": { retryAfter: "soon", waitMs: 0 },
};

for (const [name, { retryAfter, waitMs }] of Object.entries(rows)) {
  test(`an upstream that asks for ${name} is left alone for ${waitMs / 1000} seconds`, async () => {
    await using hub = await FakeUpstream.start();
    await using mirror = await startMirror(hub);
    hub.addImage("team/app", "latest", image);
    hub.overrideAll(limited(retryAfter));

    const first = await mirror.get(byTag);
    const before = hub.requests.length;
    hub.overrideAll(null);
    if (waitMs > 0) {
      const second = await mirror.get(byTag);
      assert.equal(second.status, 429);
      assert.equal(second.headers["retry-after"], String(waitMs / 1000));
      mirror.advance(waitMs - 1);
      assert.equal((await mirror.get(byTag)).headers["retry-after"], "1");
      assert.equal(hub.requests.length, before, "it was asked before the time was over");
      mirror.advance(1);
    }

    assert.equal(first.status, 429);
    // Nonsense is not passed on.
    const told = waitMs > 0 || /^\d+$|GMT$/.test(retryAfter ?? "") ? retryAfter : null;
    assert.equal(first.headers["retry-after"], told ?? undefined);
    assert.equal(JSON.parse(first.body.toString()).errors[0].code, "TOOMANYREQUESTS");
    assert.deepEqual((await mirror.get(byTag)).body, image.manifest.bytes);
  });
}

const asked: Readonly<Record<string, { target: string; limitedPath: string; method: string }>> = {
  "the HEAD of a tag": { target: byTag, limitedPath: byTag, method: "HEAD" },
  "the GET of a manifest": {
    target: byTag,
    limitedPath: `/v2/team/app/manifests/${image.manifest.digest}`,
    method: "GET",
  },
  "a blob": {
    target: `/v2/team/app/blobs/${layer.digest}`,
    limitedPath: `/v2/team/app/blobs/${layer.digest}`,
    method: "GET",
  },
  "a list of tags": {
    target: "/v2/team/app/tags/list",
    limitedPath: "/v2/team/app/tags/list",
    method: "GET",
  },
  "a token": { target: byTag, limitedPath: "/token", method: "GET" },
};

for (const [name, { target, limitedPath, method }] of Object.entries(asked)) {
  test(`a limit that is told to ${name} holds for all of the upstream, and for no other`, async () => {
    await using hub = await FakeUpstream.start({ tokens: limitedPath === "/token" });
    await using ghcr = await FakeUpstream.start();
    await using mirror = await startMirror(hub, ghcr);
    for (const upstream of [hub, ghcr]) upstream.addImage("team/app", "latest", image);
    hub.override(limitedPath, limited("7"));

    const first = await mirror.get(target);
    const seen = hub.requests.at(-1);
    hub.override(limitedPath, null);
    const before = hub.requests.length;
    const others = await Promise.all(
      [
        byTag,
        "/v2/team/other/manifests/1",
        `/v2/team/app/blobs/${layer.digest}`,
        "/v2/team/app/tags/list",
        `/v2/team/app/referrers/${image.manifest.digest}`,
      ].map((other) => mirror.get(other)),
    );
    const elsewhere = await mirror.get(`${target}?ns=ghcr.io`);

    assert.equal(first.status, 429);
    assert.equal(first.headers["retry-after"], "7");
    assert.deepEqual([seen?.method, seen?.target.split("?")[0]], [method, limitedPath]);
    for (const answer of others) {
      assert.equal(answer.status, 429);
      assert.equal(answer.headers["retry-after"], "7");
    }
    assert.equal(hub.requests.length, before);
    assert.equal(elsewhere.status, 200);
    mirror.advance(7_000);
    assert.equal((await mirror.get(target)).status, 200);
  });
}

test("what is here is served while upstream wants to be left alone, and asked again when the time is over", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await startMirror(hub);
  hub.addImage("team/app", "latest", image);
  hub.addImage("team/app", "other", image);
  for (const tag of ["latest", "other"]) await mirror.get(`/v2/team/app/manifests/${tag}`);
  for (const { digest } of image.blobs) await mirror.get(`/v2/team/app/blobs/${digest}`);
  await mirror.idle();
  hub.override(byTag, limited("100"));
  mirror.advance(60_001);
  const before = hub.requests.length;

  const limitedTag = await mirror.get(byTag);
  const otherTag = await mirror.get("/v2/team/app/manifests/other");
  const byDigest = await mirror.get(`/v2/team/app/manifests/${image.manifest.digest}`);
  const blob = await mirror.get(`/v2/team/app/blobs/${layer.digest}`);
  const list = await mirror.get("/v2/team/app/tags/list");

  for (const answer of [limitedTag, otherTag, list]) {
    assert.equal(answer.status, 200);
    assert.match(answer.headers["cache-status"] ?? "", /^sluice; fwd=stale; .*429/);
  }
  for (const answer of [byDigest, blob])
    assert.equal(answer.headers["cache-status"], "sluice; hit");
  assert.deepEqual(JSON.parse(list.body.toString()).tags, ["latest", "other"]);
  assert.equal(hub.requests.length, before + 1);
  hub.override(byTag, null);
  mirror.advance(100_000);
  const healed = await mirror.get(byTag);
  assert.equal(healed.headers["cache-status"], "sluice; fwd=stale; ttl=60; detail=revalidated");
});

test("a wall clock that is set changes nothing about how long an upstream is left alone", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await startMirror(hub);
  hub.addImage("team/app", "latest", image);
  hub.override(byTag, limited("7"));
  await mirror.get(byTag);
  hub.override(byTag, null);

  for (const jumpMs of [400, -800].map((days) => days * 24 * 3_600_000)) {
    mirror.setClockBy(jumpMs);
    assert.equal((await mirror.get(byTag)).headers["retry-after"], "7");
  }
  mirror.advance(7_000);

  assert.equal((await mirror.get(byTag)).status, 200);
  assert.equal(hub.count("HEAD", byTag), 2);
});

test("a shorter time that is told later does not end a longer one", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await startMirror(hub);
  hub.addImage("team/app", "latest", image);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  hub.override("/v2/team/app/manifests/slow", async (request, response) => {
    await released;
    await limited("1")(request, response);
  });
  hub.override(byTag, limited("60"));
  using slow = mirror.open("/v2/team/app/manifests/slow");
  while (hub.requests.length < 1) await mirror.get("/v2/");
  await mirror.get(byTag);
  release();
  await slow.end();
  hub.override(byTag, null);

  mirror.advance(59_999);
  assert.equal((await mirror.get(byTag)).status, 429);
  mirror.advance(1);
  assert.equal((await mirror.get(byTag)).status, 200);
});

test("a 503 with Retry-After is passed on, and is no limit", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await startMirror(hub);
  hub.addImage("team/app", "latest", image);
  hub.override(byTag, (_, response) => void response.writeHead(503, { "retry-after": "7" }).end());

  const answer = await mirror.get(byTag);
  hub.override(byTag, null);

  assert.equal(answer.status, 503);
  assert.equal(answer.headers["retry-after"], "7");
  assert.equal((await mirror.get(byTag)).status, 200);
});

function startMirror(hub: FakeUpstream, ghcr: FakeUpstream = hub): Promise<TestMirror> {
  return TestMirror.start({
    upstreams: { "docker.io": hub, "ghcr.io": ghcr },
  });
}

function limited(retryAfter: string | null): Answer {
  return (_request, response) => {
    response.writeHead(429, retryAfter === null ? {} : { "retry-after": retryAfter });
    response.end('{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}');
  };
}
