import assert from "node:assert/strict";
import { test } from "node:test";
import { manifestMediaTypes } from "../../src/oci/manifest.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, noiseBlob, topLayerOf } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

test("upstream sees canonical paths, the full Accept list, and nothing of the client", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const image = imageOfSize("asked as", 10);
  hub.addImage("library/app", "v1", image);
  const layer = topLayerOf(image);
  const ofClient = {
    accept: "application/vnd.oci.image.manifest.v1+json",
    "accept-encoding": "zstd;q=1.0, gzip;q=0.8, deflate;q=0.5",
    authorization: "Bearer CANARY",
    cookie: "CANARY=1",
    "if-none-match": '"CANARY"',
    "if-range": '"CANARY"',
    "x-forwarded-for": "CANARY",
    "user-agent": "CANARY",
    range: "bytes=0-1",
  };

  await mirror.get("/v2/%61pp/manifests/v1?ns=docker.io&CANARY=1", ofClient);
  await mirror.get(`/docker.io/v2/app/blobs/${layer.digest.replace(":", "%3a")}`, ofClient);
  await mirror.get("/v2/docker.io/library/app/tags/list?n=2&last=a%2fb&CANARY=1", ofClient);
  await mirror.idle();

  assert.deepEqual(
    hub.requests.map(({ method, target }) => `${method} ${target}`),
    [
      "HEAD /v2/library/app/manifests/v1",
      `GET /v2/library/app/manifests/${image.manifest.digest}`,
      `GET /v2/library/app/blobs/${layer.digest}`,
      "GET /v2/library/app/tags/list?n=2&last=a%2Fb",
    ],
  );
  const accepts = hub.requests.map(({ headers }) => headers.accept);
  const all = [...manifestMediaTypes, "*/*"].join(", ");
  assert.deepEqual(accepts.slice(0, 2), [all, all]);
  for (const { headers } of hub.requests) {
    assert.equal(headers["accept-encoding"], "identity");
    assert.equal(headers.host, new URL(hub.url).host);
    assert.match(headers["user-agent"] ?? "", /^sluice\//);
    assert.doesNotMatch(JSON.stringify(headers), /CANARY/);
    assert.equal(headers.range, undefined);
  }
});

test("an endpoint's path stands before /v2", async () => {
  await using hub = await FakeUpstream.start();
  const { manifest } = imageOfSize("below", 10);
  for (const base of ["/mirror/hub", "/mirror/hub/"]) {
    await using mirror = await TestMirror.start({
      upstreams: { "docker.io": `${hub.url}${base}` },
    });
    const path = `/v2/library/app/manifests/${manifest.digest}`;
    hub.override(`/mirror/hub${path}`, (_, response) => {
      response.writeHead(200, { "content-type": manifest.mediaType }).end(manifest.bytes);
    });

    assert.deepEqual((await mirror.get(path)).body, manifest.bytes);
  }
});

test("what is no name, tag or digest never reaches upstream", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const { digest } = noiseBlob("x", 1);
  const targets = [
    "/v2/../../etc/passwd/manifests/1",
    "/v2/%2e%2e/%2e%2e/manifests/1",
    "/v2/a%2fb/manifests/1",
    "/v2/a%5cb/manifests/1",
    "/v2/a//b/manifests/1",
    "/v2/a/./b/manifests/1",
    "/v2/a%00/manifests/1",
    "/v2/%c0%ae%c0%ae/manifests/1",
    "/v2/A/manifests/1",
    "/v2/a\\b/manifests/1",
    "/v2/a/manifests/..",
    "/v2/a/manifests/1#x",
    "/v2/a/manifests/sha256:../../x",
    `/v2/a/blobs/${digest.toUpperCase()}`,
    `/v2/a/blobs/${digest}0`,
    `/v2/a/blobs/md5:${digest.slice(7, 39)}`,
    `/v2/${"a/".repeat(300)}manifests/1`,
    "/v2/a/manifests/1/",
    `${hub.url}/v2/a/manifests/1`,
    "*",
    "//v2/a/manifests/1",
  ];

  for (const target of targets) {
    for (const method of ["get", "head"] as const) {
      const { status, headers, body } = await mirror[method](target);

      assert.ok(status === 400 || status === 404, `${target} is answered with ${status}`);
      assert.equal(headers["content-type"], "application/json");
      assert.equal(headers["location"], undefined);
      if (method === "get") assert.ok(JSON.parse(body.toString()).errors[0].code);
    }
  }
  assert.equal(hub.requests.length, 0);
});
