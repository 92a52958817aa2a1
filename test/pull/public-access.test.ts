import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { type Answer, FakeUpstream } from "../support/fake-upstream.ts";
import { descriptorOf, manifestOf, noiseBlob } from "../support/images.ts";
import { neverDigest, PrivateLab } from "../support/private-lab.ts";
import { TestMirror } from "../support/test-mirror.ts";

test("whether a repository is public is asked once in half of grantTtl, not for each pull", async () => {
  await using lab = await PrivateLab.start();
  const { grantTtlMs } = lab.mirror.daemon.mirror.rules.general;
  const paths = ["manifests/1", ...lab.publicImage.blobs.map(({ digest }) => `blobs/${digest}`)];
  const pullAll = async (): Promise<void> => {
    for (const path of [...paths, "tags/list"]) {
      assert.equal((await lab.get(`/v2/public/app/${path}`)).status, 200);
    }
  };

  await pullAll();
  await pullAll();
  assert.equal(lab.askedAs("nobody").length, 1);

  lab.mirror.advance(grantTtlMs - 1);
  await pullAll();
  await lab.mirror.idle();
  assert.equal(lab.askedAs("nobody").length, 2);

  lab.mirror.advance(grantTtlMs);
  await pullAll();
  assert.equal(lab.askedAs("nobody").length, 3);
  await lab.assertKept();
});

test("pulls of one repository at once share one question", async () => {
  await using lab = await PrivateLab.start();
  const paths = ["manifests/1", ...lab.publicImage.blobs.map(({ digest }) => `blobs/${digest}`)];

  const pulls = paths.flatMap((path) => Array.from({ length: 20 }, () => path));
  const answers = await Promise.all(pulls.map((path) => lab.get(`/v2/public/app/${path}`)));

  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  assert.equal(lab.askedAs("nobody").length, 1);
});

// One answer served all pulls that had come meanwhile: who asked for what is there got the "not found" of who did not.
test("a pull of what a repository does not have keeps nobody from what it has", async () => {
  await using lab = await PrivateLab.start();

  const [missing, present] = await Promise.all([
    lab.get(`/v2/public/app/blobs/${neverDigest}`),
    lab.get("/v2/public/app/manifests/1"),
  ]);

  assert.deepEqual([missing.status, present.status], [404, 200]);
});

// A registry without HEAD says 405 to nobody's question about anything, which counted as a yes.
test("a registry without HEAD is asked by GET whether it shows a manifest", async () => {
  await using lab = await PrivateLab.start();
  const { manifest } = lab.privateImage;
  const withoutHead: Answer = (request, response) => {
    if (request.method === "HEAD") return void response.writeHead(405).end();
    const holder = lab.holderOf(request.headers.authorization);
    if (holder === "known") return void response.writeHead(200).end(manifest.bytes);
    const challenge = `Bearer realm="${lab.registry.url}/token",service="lab"`;
    response.writeHead(401, { "www-authenticate": challenge }).end();
  };
  for (const reference of ["1", manifest.digest]) {
    lab.registry.override(`/v2/team/secret/manifests/${reference}`, withoutHead);

    assert.equal((await lab.get(`/v2/team/secret/manifests/${reference}`)).status, 403);
  }
  await lab.assertKept();
});

// A proxy before the registry sends who is not logged in to a page with status 200, which counted as a yes.
test("a page to log in is no sign that anything is public", async () => {
  await using lab = await PrivateLab.start();
  await lab.cacheAllWhileShared();
  lab.registry.overrideAll((request, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    response.end(request.method === "HEAD" ? undefined : "<html>log in</html>");
  });
  const { manifest, blobs } = lab.privateImage;
  const paths = ["manifests/1", `manifests/${manifest.digest}`, "tags/list"];

  for (const path of [...paths, ...blobs.map(({ digest }) => `blobs/${digest}`)]) {
    const { status } = await lab.get(`/v2/team/secret/${path}`);
    assert.ok([502, 503].includes(status), `${path}: ${status}`);
  }
  await lab.assertKept();
});

// A list that nobody was refused was taken for a proof, and opened the content for its time.
test("a list that everybody may see opens no content", async () => {
  await using lab = await PrivateLab.start();
  await lab.cacheAllWhileShared();
  lab.registry.override("/v2/team/secret/tags/list", (_, response) => {
    response.end('{"name":"team/secret","tags":["1"]}');
  });

  assert.equal((await lab.get("/v2/team/secret/tags/list")).status, 200);

  const { digest } = lab.privateImage.manifest;
  for (const path of ["manifests/1", `blobs/${lab.secret.digest}`, `referrers/${digest}`]) {
    assert.equal((await lab.get(`/v2/team/secret/${path}`)).status, 403, path);
  }
  await lab.assertKept();
});

test("an empty list to nobody is no sign that the list is public", async () => {
  await using lab = await PrivateLab.start();
  lab.registry.override("/v2/team/secret/tags/list", (request, response) => {
    const isKnown = lab.holderOf(request.headers.authorization) === "known";
    response.end(JSON.stringify({ name: "team/secret", tags: isKnown ? ["CANARY"] : [] }));
  });

  assert.equal((await lab.get("/v2/team/secret/tags/list")).status, 404);
  await lab.assertKept();
});

// Anybody can publish a manifest that names what is private. While the registry was down, that was enough.
test("a manifest that names what is private does not open it while the registry is down", async () => {
  await using lab = await PrivateLab.start();
  await lab.cacheAllWhileShared();
  const layer = "application/vnd.oci.image.layer.v1.tar+gzip";
  const [config] = lab.publicImage.blobs;
  assert.ok(config);
  const manifest = manifestOf({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: descriptorOf("application/vnd.oci.image.config.v1+json", config),
    layers: [descriptorOf(layer, lab.secret)],
  });
  lab.registry.addImage("public/evil", "1", { manifest, blobs: [config], children: [] });
  assert.equal((await lab.get("/v2/public/evil/manifests/1")).status, 200);
  await lab.mirror.idle();
  await lab.registry.down();

  assert.equal((await lab.get(`/v2/public/evil/blobs/${lab.secret.digest}`)).status, 502);
  await lab.assertKept();
});

// Without credentials there was no question at all, and what they had opened before was served on.
test("what was pulled with credentials that are gone is served only where it is public", async () => {
  await using lab = await PrivateLab.start();
  await lab.cacheAllWhileShared();

  lab.reload({ credentials: [], access: "public" });

  assert.equal((await lab.get("/v2/team/secret/manifests/1")).status, 403);
  assert.equal((await lab.get(`/v2/team/secret/blobs/${lab.secret.digest}`)).status, 403);
  assert.equal((await lab.get("/v2/public/app/manifests/1")).status, 200);
  await lab.assertKept();
});

// A repository that was the first to be asked, and refused, was still counted among those that have the blob: HEAD told
// its size while another repository's download ran.
test("a fill through another repository is nothing to HEAD and GET of a repository that upstream refused, until it has the blob", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": hub },
    freshness: { negativeTtlMs: 0 },
  });
  const blob = noiseBlob("refused first", 1_000_000);
  hub.addBlob("team/b", blob);
  const sendOn = hub.hold("team/b", blob.digest, 500_000);
  const asked = Promise.withResolvers<void>();
  const refuse = Promise.withResolvers<void>();
  const path = `/v2/team/a/blobs/${blob.digest}`;
  hub.override(path, async (request, response) => {
    asked.resolve();
    if (request.method === "GET") await refuse.promise;
    response.writeHead(404).end();
  });
  using first = mirror.open(path);
  await asked.promise;
  using second = mirror.open(`/v2/team/b/blobs/${blob.digest}`);
  await eventually("team/b is asked", () => hub.count("HEAD", "/v2/team/b/") > 0);
  refuse.resolve();
  await second.when(({ body }) => body.length === 500_000);

  assert.equal((await first.end()).status, 404);
  assert.equal((await mirror.head(path)).status, 404);
  assert.equal((await mirror.get(path)).status, 404);

  // It has the blob after all, and joins.
  hub.override(path, null);
  hub.addBlob("team/a", blob);
  assert.equal((await mirror.head(path)).status, 200);
  using third = mirror.open(path);
  await third.when(({ body }) => body.length === 500_000);
  sendOn();
  assert.deepEqual((await third.end()).body, blob.bytes);
});
