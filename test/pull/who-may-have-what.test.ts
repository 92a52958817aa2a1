import assert from "node:assert/strict";
import { mkdtempDisposable, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { blobFile, layoutOf } from "../../src/storage/layout.ts";
import { type Answer, FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, noiseBlob, ociIndex, topLayerOf } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

test("a repository does not get content that only another one holds", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("private", 100_000);
  hub.addBlob("team/private", blob);
  await mirror.get(`/v2/team/private/blobs/${blob.digest}`);
  await mirror.idle();
  const never = noiseBlob("never", 10).digest;

  const refused = await mirror.get(`/v2/team/other/blobs/${blob.digest}`);
  const unknown = await mirror.get(`/v2/team/other/blobs/${never}`);

  assert.equal(refused.status, 404);
  assert.deepEqual(
    refused.body.toString().replaceAll(blob.digest, "DIGEST"),
    unknown.body.toString().replaceAll(never, "DIGEST"),
  );
  assert.deepEqual(headersOf(refused), headersOf(unknown));
});

test("a second repository proves by HEAD that it holds what is stored, and downloads nothing", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("shared", 100_000);
  for (const repository of ["team/a", "team/b"]) hub.addBlob(repository, blob);
  await mirror.get(`/v2/team/a/blobs/${blob.digest}`);
  await mirror.idle();

  const first = await mirror.get(`/v2/team/b/blobs/${blob.digest}`);
  await hub.down();
  const second = await mirror.get(`/v2/team/b/blobs/${blob.digest}`);

  for (const answer of [first, second]) assert.deepEqual(answer.body, blob.bytes);
  assert.equal(hub.count("GET", "/blobs/"), 1);
  assert.equal(hub.count("HEAD", "/v2/team/b/blobs/"), 1);
});

test("content of one upstream is no other upstream's, though bytes are stored once", async () => {
  await using hub = await FakeUpstream.start();
  await using ghcr = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub, "ghcr.io": ghcr } });
  const blob = noiseBlob("two upstreams", 50_000);
  hub.addBlob("team/app", blob);
  await mirror.get(`/v2/team/app/blobs/${blob.digest}`);
  await mirror.idle();

  const before = await mirror.get(`/v2/ghcr.io/team/app/blobs/${blob.digest}`);
  ghcr.addBlob("team/app", blob);
  mirror.advance(5_001);
  const after = await mirror.get(`/v2/ghcr.io/team/app/blobs/${blob.digest}`);

  assert.equal(before.status, 404);
  assert.deepEqual(after.body, blob.bytes);
  assert.equal(ghcr.count("GET", "/blobs/"), 0);
});

test("while upstream cannot be asked, a manifest of the repository that names the blob will do", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const image = imageOfSize("named", 10_000);
  const layer = topLayerOf(image);
  hub.addImage("team/a", "1", image);
  hub.addImage("team/b", "1", image);
  await mirror.get("/v2/team/b/manifests/1");
  await mirror.get(`/v2/team/a/blobs/${layer.digest}`);
  await mirror.idle();
  await hub.down();

  const named = await mirror.get(`/v2/team/b/blobs/${layer.digest}`);
  const unnamed = await mirror.get(`/v2/team/c/blobs/${layer.digest}`);

  assert.deepEqual(named.body, layer.bytes);
  assert.equal(unnamed.status, 502);
});

test("a repository that joins another's fill must hold the blob too", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("joined", 1_000_000);
  for (const repository of ["team/a", "team/b"]) hub.addBlob(repository, blob);
  const release = hub.hold("team/a", blob.digest, 500_000);
  using first = mirror.open(`/v2/team/a/blobs/${blob.digest}`);
  await first.when(({ body }) => body.length === 500_000);

  const stranger = await mirror.get(`/v2/team/c/blobs/${blob.digest}`);
  using joining = mirror.open(`/v2/team/b/blobs/${blob.digest}`);
  await joining.when(({ body }) => body.length === 500_000);
  release();

  assert.equal(stranger.status, 404);
  assert.deepEqual((await joining.end()).body, blob.bytes);
  assert.equal(hub.count("GET", "/v2/team/b/blobs/"), 0);
});

const image = imageOfSize("granted", 1_000);
const layer = topLayerOf(image);
const byTag = "/v2/team/app/manifests/1";
const byDigest = `/v2/team/app/manifests/${image.manifest.digest}`;
const byBlob = `/v2/team/app/blobs/${layer.digest}`;
const hourMs = 3_600_000;

test("a grant is good for half of grantTtl, then it is renewed behind the answer", async () => {
  await using scene = await pulled();
  const { hub, mirror } = scene;
  const before = hub.requests.length;
  mirror.advance(12 * hourMs - 1);
  await mirror.get(byBlob);
  await mirror.get(byDigest);
  await mirror.idle();
  assert.equal(hub.requests.length, before);
  mirror.advance(1);
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  hub.overrideAll(async (_, response) => {
    await released;
    response.writeHead(200, { "docker-content-digest": image.manifest.digest }).end();
  });

  for (const target of [byBlob, byDigest, byBlob, byDigest]) {
    assert.equal((await mirror.get(target)).headers["cache-status"], "sluice; hit");
  }
  release();
  await mirror.idle();

  const asked = hub.requests.slice(before).map(({ method, target }) => `${method} ${target}`);
  assert.deepEqual(asked.sort(), [`HEAD ${byBlob}`, `HEAD ${byDigest}`]);
  mirror.advance(12 * hourMs - 1);
  await mirror.get(byBlob);
  await mirror.idle();
  assert.equal(hub.requests.length, before + 2, "it was renewed");
});

const ends: Readonly<Record<string, { upstream: number; told: number }>> = {
  "a refusal with 401": { upstream: 401, told: 403 },
  "a refusal with 403": { upstream: 403, told: 403 },
  "'not found'": { upstream: 404, told: 404 },
};

for (const [name, { upstream, told }] of Object.entries(ends)) {
  test(`${name} ends an aging grant behind the answer, and an expired one before it`, async () => {
    for (const [ageMs, first] of [
      [12 * hourMs, 200],
      [24 * hourMs, told],
    ] as const) {
      for (const target of [byBlob, byDigest]) {
        await using scene = await pulled();
        const { hub, mirror } = scene;
        hub.overrideAll((_, response) => void response.writeHead(upstream).end());
        mirror.advance(ageMs);

        assert.equal((await mirror.get(target)).status, first);
        await mirror.idle();
        assert.equal((await mirror.get(target)).status, told);
        assert.equal((await mirror.get(target, { range: "bytes=0-0" })).status, told);
        await hub.down();
        mirror.advance(5_001);
        // The manifest of the repository that names the layer is no grant that upstream has taken back.
        if (target === byDigest) assert.equal((await mirror.get(target)).status, 502);
      }
    }
  });
}

test("a refusal counts, though a manifest of the repository names the blob and another repository has it", async () => {
  await using scene = await pulled();
  const { hub, mirror } = scene;
  hub.addImage("team/base", "1", image);
  await mirror.get(byBlob.replace("team/app", "team/base"));
  hub.override(byBlob, (_, response) => void response.writeHead(403).end());
  mirror.advance(24 * hourMs);

  assert.equal((await mirror.get(byBlob)).status, 403);
});

test("a blob that upstream no longer has when it is lost here is not had by way of another repository", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-"));
  await using scene = await pulled(directory.path);
  const { hub, mirror } = scene;
  const loose = noiseBlob("loose", 100);
  for (const repository of ["team/app", "team/other"]) hub.addBlob(repository, loose);
  await mirror.get(`/v2/team/app/blobs/${loose.digest}`);
  await mirror.idle();
  await rm(blobFile(layoutOf(directory.path), loose.digest));
  hub.override(`/v2/team/app/blobs/${loose.digest}`, (_, response) => {
    response.writeHead(404).end();
  });
  assert.equal((await mirror.get(`/v2/team/app/blobs/${loose.digest}`)).status, 404);
  await mirror.get(`/v2/team/other/blobs/${loose.digest}`);
  await mirror.idle();
  mirror.advance(5_001);
  await hub.down();

  assert.equal((await mirror.get(`/v2/team/app/blobs/${loose.digest}`)).status, 502);
});

test("trouble of upstream ends no grant, however old", async () => {
  await using scene = await pulled();
  const { hub, mirror } = scene;
  for (const status of [429, 500, 503]) {
    hub.overrideAll((_, response) => void response.writeHead(status).end());
    mirror.advance(100 * 24 * hourMs);
    for (const target of [byBlob, byDigest, byBlob]) {
      assert.equal((await mirror.get(target)).headers["cache-status"], "sluice; hit");
    }
  }
  await hub.down();
  mirror.advance(100 * 24 * hourMs);

  assert.deepEqual((await mirror.get(byBlob)).body, layer.bytes);
});

test("how old a grant is is still known after a restart", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-"));
  {
    await using _scene = await pulled(directory.path);
  }
  await using hub = await FakeUpstream.start();
  const upstreams = { "docker.io": hub };
  await using mirror = await TestMirror.start({ upstreams, directory: directory.path });
  hub.overrideAll((_, response) => void response.writeHead(403).end());
  mirror.advance(12 * hourMs - 1);

  assert.equal((await mirror.get(byBlob)).status, 200);
  mirror.advance(12 * hourMs + 1);
  assert.equal((await mirror.get(byBlob)).status, 403);
});

interface Refusal {
  readonly answer: Answer;
  /** What the client is told. */
  readonly status: number;
}

const refusals: Readonly<Record<string, Refusal>> = {
  "is not found": { answer: saying(404, "MANIFEST_UNKNOWN"), status: 404 },
  "is forbidden": { answer: saying(403, "DENIED"), status: 403 },
  "needs a login": { answer: saying(401, "UNAUTHORIZED"), status: 403 },
};

const questions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "as it is": {},
  "by range": { range: "bytes=0-9" },
  "by range and condition": { range: "bytes=0-9", "if-range": "*" },
  "by condition": { "if-none-match": "*" },
};

for (const [what, { answer, status }] of Object.entries(refusals)) {
  test(`what ${what} is answered alike whether it is here or never was, and asked of upstream alike`, async (t) => {
    for (const kind of ["blobs", "manifests"] as const) {
      const here = kind === "blobs" ? layer.digest : image.manifest.digest;
      for (const [how, headers] of Object.entries(questions)) {
        for (const method of ["get", "head"] as const) {
          await t.test(`${method} of ${kind} ${how}`, async () => {
            await using scene = await pulled();
            const { hub, mirror } = scene;
            hub.overrideAll(answer);
            const never = digestOf(Buffer.from("never here"));

            const before = hub.requests.length;
            const told = await mirror[method](`/v2/team/other/${kind}/${here}`, headers);
            const between = hub.requests.length;
            const unknown = await mirror[method](`/v2/team/other/${kind}/${never}`, headers);
            const after = hub.requests.length;

            assert.equal(told.status, status);
            assert.equal(told.status, unknown.status);
            assert.deepEqual(headersOf(told), headersOf(unknown));
            assert.equal(
              told.body.toString().replaceAll(here, "DIGEST"),
              unknown.body.toString().replaceAll(never, "DIGEST"),
            );
            assert.equal(between - before, after - between);
          });
        }
      }
    }
  });

  test(`lists of a repository that ${what} are answered alike whether something of it is here or not`, async () => {
    await using scene = await pulled();
    const { hub, mirror } = scene;
    hub.overrideAll(answer);

    for (const list of ["tags/list", `referrers/${image.manifest.digest}`]) {
      const told = await mirror.get(`/v2/team/app/${list}`);
      const unknown = await mirror.get(`/v2/team/not/${list}`);

      assert.equal(told.status, unknown.status);
      assert.deepEqual(headersOf(told), headersOf(unknown));
      assert.equal(
        told.body.toString().replaceAll("team/app", "team/not"),
        unknown.body.toString(),
      );
    }
  });
}

test("what a manifest names and is here through another repository is proven behind the answer", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const index = ociIndex([{ layers: [[{ path: "a", bytes: Buffer.from("a") }]] }]);
  const [child] = index.children;
  assert.ok(child);
  const [config, base] = child.blobs;
  assert.ok(config && base);
  hub.addImage("team/base", "1", child);
  hub.addImage("team/app", "1", index);
  await mirror.get("/v2/team/base/manifests/1");
  await mirror.get(`/v2/team/base/blobs/${base.digest}`);
  await mirror.idle();

  await mirror.get("/v2/team/app/manifests/1");
  await mirror.idle();
  assert.equal(hub.count("HEAD", `/v2/team/app/manifests/${child.manifest.digest}`), 1);
  assert.equal(hub.count("HEAD", `/v2/team/app/blobs/${base.digest}`), 1);
  assert.equal(hub.count("HEAD", `/v2/team/app/blobs/${config.digest}`), 0, "it is not here");
  const before = hub.requests.length;

  const pulls = [
    await mirror.get(`/v2/team/app/manifests/${child.manifest.digest}`),
    await mirror.get(`/v2/team/app/blobs/${base.digest}`),
  ];

  for (const { headers } of pulls) assert.equal(headers["cache-status"], "sluice; hit");
  assert.equal(hub.requests.length, before);
});

for (const [how, target] of Object.entries({ "its tag": byTag, "its digest": byDigest })) {
  test(`a manifest that is here through another repository, and is pulled by ${how}, has its members proven too`, async () => {
    await using scene = await pulled();
    const { hub, mirror } = scene;
    hub.addImage("team/other", "1", image);

    await mirror.get(target.replace("team/app", "team/other"));
    await mirror.idle();

    assert.equal(hub.count("HEAD", `/v2/team/other/blobs/${layer.digest}`), 1);
    const before = hub.requests.length;
    const pull = await mirror.get(`/v2/team/other/blobs/${layer.digest}`);
    assert.equal(pull.headers["cache-status"], "sluice; hit");
    mirror.advance(60_001);
    await mirror.get(byTag.replace("team/app", "team/other"));
    await mirror.idle();
    assert.equal(
      hub.requests.length,
      before + 1,
      "nor is more asked when the tag is checked again",
    );
  });
}

test("a manifest of one's own that names what is private opens it to nobody", async () => {
  await using scene = await pulled();
  const { hub, mirror } = scene;
  const thief = { ...image, blobs: [] };
  hub.addImage("thief/app", "1", thief);
  await mirror.get("/v2/thief/app/manifests/1");
  await mirror.idle();

  assert.equal((await mirror.get(`/v2/thief/app/blobs/${layer.digest}`)).status, 404);
});

test("members are not asked for one after the other of an upstream that is in trouble", async () => {
  await using scene = await pulled();
  const { hub, mirror } = scene;
  hub.addImage("team/other", "1", image);
  await mirror.get(byBlob.replace(layer.digest, image.blobs[0]?.digest ?? ""));
  await mirror.idle();
  for (const { digest } of image.blobs) {
    hub.override(`/v2/team/other/blobs/${digest}`, (_, response) => {
      response.writeHead(500).end();
    });
  }

  await mirror.get("/v2/team/other/manifests/1");
  await mirror.idle();

  assert.equal(hub.count("HEAD", "/v2/team/other/blobs/"), 1);
});

interface Scene extends AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly mirror: TestMirror;
}

/** A mirror that has just pulled `image` and its layer through `team/app`. */
async function pulled(directory?: string): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeUpstream.start());
  const upstreams = { "docker.io": hub };
  const mirror = resources.use(
    await TestMirror.start({ upstreams, ...(directory === undefined ? {} : { directory }) }),
  );
  hub.addImage("team/app", "1", image);
  for (const target of [byTag, byDigest, byBlob]) {
    assert.equal((await mirror.get(target)).status, 200);
  }
  await mirror.idle();
  const kept = resources.move();
  return { hub, mirror, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** As registries say it: with words, which a HEAD has not. */
function saying(status: number, code: string): Answer {
  return (request, response) => {
    response.writeHead(status, { "content-type": "application/json" });
    const body = JSON.stringify({ errors: [{ code, message: "access to the resource" }] });
    response.end(request.method === "HEAD" ? undefined : body);
  };
}

// A registry without HEAD says 405 to a question about anything, which counted as a yes.
test("a registry without HEAD is asked by GET whether it has a manifest that is here", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const image = imageOfSize("without head", 1000);
  for (const repository of ["team/private", "team/same"]) hub.addImage(repository, "1", image);
  const { digest, bytes, mediaType } = image.manifest;
  await mirror.get(`/v2/team/private/manifests/${digest}`);
  for (const repository of ["team/other", "team/same"]) {
    hub.override(`/v2/${repository}/manifests/${digest}`, (request, response) => {
      if (request.method === "HEAD") return void response.writeHead(405).end();
      if (repository === "team/other") return void response.writeHead(404).end();
      response.writeHead(200, { "content-type": mediaType }).end(bytes);
    });
  }

  assert.equal((await mirror.get(`/v2/team/other/manifests/${digest}`)).status, 404);
  assert.deepEqual((await mirror.get(`/v2/team/same/manifests/${digest}`)).body, bytes);
});

// Two pulls that came in one packet were both judged before the first had begun its fill, and the second read along.
test("a repository whose pull comes right behind another's on the connection must hold the blob too", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  for (const method of ["GET", "HEAD"]) {
    const blob = noiseBlob(`pipelined ${method}`, 100_000);
    hub.addBlob("team/private", blob);
    const { hostname, port } = new URL(mirror.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `GET /v2/team/private/blobs/${blob.digest} HTTP/1.1\r\nhost: mirror\r\n\r\n` +
        `${method} /v2/team/other/blobs/${blob.digest} HTTP/1.1\r\nhost: mirror\r\nconnection: close\r\n\r\n`,
    );
    const statuses = (await text(socket)).match(/(?<=HTTP\/1\.1 )\d+/g);

    assert.deepEqual(statuses, ["200", "404"], method);
  }
});

/** What is of this one answer, and says nothing of what is stored, is left out. */
function headersOf({
  headers,
}: {
  readonly headers: Readonly<Record<string, string>>;
}): Record<string, string> {
  const { date: _date, "x-request-id": _id, ...others } = headers;
  return others;
}
