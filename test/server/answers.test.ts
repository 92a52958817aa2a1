import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, topLayerOf } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = imageOfSize("answers", 100_000);
const layer = topLayerOf(image);
const manifest = `/v2/team/app/manifests/${image.manifest.digest}`;
const blob = `/v2/team/app/blobs/${layer.digest}`;

test("/v2/ says that this is a registry, and asks no upstream", async (t) => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub, "ghcr.io": hub } });
  const known = ["/v2/", "/v2", "/v2/?ns=ghcr.io", "/ghcr.io/v2/", "/ghcr.io/v2/?ns=ghcr.io"];
  for (const target of known) {
    await t.test(target, async () => {
      const got = await mirror.get(target);
      const head = await mirror.head(target);

      assert.equal(got.status, 200);
      assert.equal(got.body.toString(), "{}\n");
      assert.equal(got.headers["www-authenticate"], undefined);
      assert.equal(head.status, 200);
      assert.equal(head.complete, true);
      assert.equal(head.headers["content-length"], "3");
    });
  }
  for (const target of ["/v2/?ns=a.example", "/a.example/v2/", "/ghcr.io/v2/?ns=docker.io"]) {
    await t.test(target, async () => {
      const answer = await mirror.get(target);

      assert.equal(answer.status, 404);
      assert.equal(JSON.parse(answer.body.toString()).errors[0].code, "NAME_UNKNOWN");
    });
  }
  assert.equal(hub.requests.length, 0);
});

test("every answer says that it comes from a registry, and is no page to a browser", async (t) => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  hub.addImage("team/app", "1", image);
  const targets = [
    "/v2/",
    "/healthz",
    "/readyz",
    manifest,
    blob,
    "/v2/team/app/manifests/1",
    "/v2/team/app/tags/list",
    "/v2/team/app/manifests/missing",
    "/v2/team/app/manifests/..",
    "/v2/unknown.example/app/manifests/1",
    "/",
    "/favicon.ico",
  ];
  for (const target of targets) {
    for (const method of ["get", "head"] as const) {
      await t.test(`${method} ${target.slice(0, 50)}`, async () => {
        const { headers, complete } = await mirror[method](target);

        assert.equal(complete, true);
        assert.equal(headers["docker-distribution-api-version"], "registry/2.0");
        assert.equal(headers["x-content-type-options"], "nosniff");
        assert.equal(headers["content-security-policy"], "sandbox");
        assert.match(headers["content-type"] ?? "", /^application\//);
        assert.equal(headers["www-authenticate"], undefined);
        assert.equal(headers["server"], undefined);
        assert.equal(headers["x-powered-by"], undefined);
      });
    }
  }
});

test("an answer to a pull with ns says which namespace it is of", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  hub.addImage("team/app", "1", image);

  for (const target of [manifest, blob, "/v2/team/app/tags/list"]) {
    const named = await mirror.get(`${target}?ns=docker.io`);
    const alias = await mirror.get(`${target}?ns=registry-1.docker.io`);
    const unnamed = await mirror.get(target);
    const prefixed = await mirror.get(`/docker.io${target}`);

    assert.equal(named.headers["oci-namespace"], "docker.io");
    assert.equal(alias.headers["oci-namespace"], "registry-1.docker.io");
    assert.equal(unnamed.headers["oci-namespace"], undefined);
    assert.equal(prefixed.headers["oci-namespace"], undefined);
  }
});

test("a HEAD has the headers of its GET, and no body", async (t) => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  hub.addImage("team/app", "1", image);
  for (const target of [manifest, blob, "/v2/team/app/tags/list", "/v2/team/app/manifests/1"]) {
    await t.test(target.slice(0, 40), async () => {
      await mirror.get(target);
      await mirror.idle();

      const got = await mirror.get(target);
      const head = await mirror.head(target);

      assert.equal(head.status, 200);
      assert.equal(head.complete, true);
      // Without what is of this one answer.
      const common = ({ date: _, "x-request-id": _id, ...headers }: Record<string, string>) =>
        headers;
      assert.deepEqual(common(head.headers), common(got.headers));
    });
  }
});

test("what a client says it has already is 304, and not sent again", async (t) => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  hub.addImage("team/app", "1", image);
  const contents = [
    [manifest, image.manifest.digest],
    ["/v2/team/app/manifests/1", image.manifest.digest],
    [blob, layer.digest],
  ] as const;
  for (const [target, digest] of contents) {
    const conditions: readonly (readonly [condition: string, status: number])[] = [
      [`"${digest}"`, 304],
      [`W/"${digest}"`, 304],
      [`"a", "${digest}"`, 304],
      [`"a",W/"${digest}" , "b"`, 304],
      ["*", 304],
      [digest, 200],
      [`"${digest.slice(0, -1)}"`, 200],
      [`"${digest}x"`, 200],
      ['"a"', 200],
      ["", 200],
      [",".repeat(8 * 1024), 200],
    ];
    for (const [condition, status] of conditions) {
      await t.test(`${target.slice(0, 30)} ${condition.slice(0, 30)}: ${status}`, async () => {
        for (const method of ["get", "head"] as const) {
          const answer = await mirror[method](target, { "if-none-match": condition });

          assert.equal(answer.status, status);
          assert.equal(answer.headers["etag"], `"${digest}"`);
          assert.equal(answer.headers["docker-content-digest"], digest);
          assert.ok(answer.headers["cache-status"]);
          assert.equal(answer.complete, true);
          if (status === 304) assert.equal(answer.body.length, 0);
        }
      });
    }
  }
});

test("a cold blob that a client says it has already is 304, and not pulled from upstream", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  hub.addImage("team/app", "1", image);

  const { status, body } = await mirror.get(blob, { "if-none-match": `"${layer.digest}"` });

  assert.deepEqual([status, body.length], [304, 0]);
  assert.equal(hub.count("GET", "/blobs/"), 0);
});

test("a condition on what upstream does not have is answered as without it", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });

  for (const target of [manifest, blob, "/v2/team/app/manifests/1"]) {
    assert.equal((await mirror.get(target, { "if-none-match": "*" })).status, 404);
  }
});

test("health is told without detail, and an upstream that is down is no ill health", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  await hub.down();

  for (const target of ["/healthz", "/readyz"]) {
    const answer = await mirror.get(target);
    assert.equal(answer.status, 200);
    assert.equal(answer.body.toString(), '{"status":"ok"}\n');
  }
});

test("an answer that runs when the mirror stops is finished", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const { promise: goOn, resolve: release } = Promise.withResolvers<void>();
  hub.override("/v2/team/app/tags/list", async (_, response) => {
    resolve();
    await goOn;
    response.writeHead(200).end('{"tags":[]}');
  });
  using pull = mirror.open("/v2/team/app/tags/list", { connection: "keep-alive" });
  await asked;
  const cut = new AbortController();

  const draining = mirror.daemon.drain(cut.signal);
  release();
  const answer = await pull.when(({ complete }) => complete);
  await draining;

  assert.equal(answer.status, 200);
});
