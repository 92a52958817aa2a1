import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { manifestMediaTypes } from "../../src/oci/manifest.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { blobOf, imageOfSize, noiseBlob, topLayerOf } from "../support/images.ts";
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

test("a blob that upstream encodes passes as it is, if its bytes have the digest", async (t) => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const { bytes } = noiseBlob("encoded", 50_000);
  const encodings: readonly (readonly [encoding: string, sent: Buffer])[] = [
    ["gzip", gzipSync(bytes)],
    ["br", brotliCompressSync(bytes)],
    ["gzip, gzip", bytes],
    ["identity", bytes],
    ["zstd", bytes],
    ["<script>", bytes],
  ];
  for (const [at, [encoding, sent]] of encodings.entries()) {
    await t.test(encoding, async () => {
      const repository = `team/raw${at}`;
      const { digest } = blobOf(sent);
      const path = `/v2/${repository}/blobs/${digest}`;
      hub.override(path, (_, response) => {
        response.writeHead(200, { "content-encoding": encoding }).end(sent);
      });

      const answer = await mirror.get(path, { "accept-encoding": "gzip, br" });

      assert.equal(answer.status, 200);
      assert.ok(answer.body.equals(sent));
      assert.equal(answer.headers["content-encoding"], undefined);
    });
  }
});

test("a blob whose bytes have the digest only when decoded is refused", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = blobOf(Buffer.alloc(1000, "a"));
  const path = `/v2/team/app/blobs/${blob.digest}`;
  hub.override(path, (_, response) => {
    response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(blob.bytes));
  });

  const answer = await mirror.get(path);

  assert.equal(answer.status, 502);
});

test("of upstream's headers none comes through but what is checked", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("headers", 1000);
  const path = `/v2/team/app/blobs/${blob.digest}`;
  hub.override(path, (_, response) => {
    response.writeHead(200, {
      "set-cookie": ["a=CANARY", "b=CANARY"],
      server: "CANARY",
      "access-control-allow-origin": "*",
      "content-disposition": "attachment; filename=CANARY",
      "content-security-policy": "default-src CANARY",
      "strict-transport-security": "max-age=1",
      refresh: "0; url=http://CANARY/",
      link: "</CANARY>; rel=preload",
      location: "http://CANARY/",
      etag: '"CANARY"',
      "content-type": "text/html",
      "docker-content-digest": "<script>CANARY</script>",
      "cache-control": "CANARY",
      "x-canary": "CANARY",
      "content-length": blob.bytes.length,
    });
    response.end(blob.bytes);
  });

  const cold = await mirror.get(path);
  await mirror.idle();
  const warm = await mirror.get(path);

  assert.doesNotMatch(JSON.stringify([cold.headers, warm.headers]), /canary/i);
  assert.deepEqual(Object.keys(cold.headers).sort(), Object.keys(warm.headers).sort());
  for (const name of ["set-cookie", "access-control-allow-origin", "refresh", "location"]) {
    assert.equal(cold.headers[name], undefined);
  }
});
