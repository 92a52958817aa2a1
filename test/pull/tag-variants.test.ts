import assert from "node:assert/strict";
import { mkdtempDisposable } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { parseAccept } from "../../src/oci/accept.ts";
import type { Manifest } from "../../src/oci/manifest.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { dockerImage, ociIndex } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const layers = [[{ path: "file", bytes: Buffer.from("content") }]];
const image = dockerImage({ layers });
const index = ociIndex([{ layers }, { layers, architecture: "arm64" }]);
const moved = dockerImage({ layers: [...layers, ...layers] });
const tagPath = "/v2/team/app/manifests/latest";
const short = { accept: image.manifest.mediaType };

test("a client that takes no index gets a variant of the tag, and everyone else the index", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;

  const answers = {
    "no Accept": await mirror.get(tagPath),
    anything: await mirror.get(tagPath, { accept: "*/*" }),
    "index and image": await mirror.get(tagPath, {
      accept: `${image.manifest.mediaType}, ${index.manifest.mediaType}`,
    }),
    "image only": await mirror.get(tagPath, short),
  };
  const before = hub.requests.length;
  const again = [await mirror.get(tagPath, short), await mirror.get(tagPath)];

  for (const [name, { headers, body }] of Object.entries(answers)) {
    const { manifest } = name === "image only" ? image : index;
    assert.equal(headers["docker-content-digest"], manifest.digest, name);
    assert.equal(headers["content-type"], manifest.mediaType, name);
    assert.deepEqual(body, manifest.bytes, name);
  }
  assert.deepEqual(again[0]?.body, image.manifest.bytes);
  assert.deepEqual(again[1]?.body, index.manifest.bytes);
  assert.equal(hub.requests.length, before, "both are fresh");
});

test("each variant of a tag is revalidated with its own Accept list, and moves by itself", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  await mirror.get(tagPath, short);
  hub.override(tagPath, byAccept({ index: index.manifest, other: moved.manifest }));
  hub.addImage("team/app", "moved", moved);
  mirror.advance(60_001);
  const before = hub.requests.length;

  const answer = await mirror.get(tagPath, short);

  assert.deepEqual(answer.body, moved.manifest.bytes);
  const asked = hub.requests.slice(before).filter(({ method }) => method === "HEAD");
  assert.equal(asked.length, 2);
  assert.match(asked[0]?.headers.accept ?? "", /image\.index.*\*\/\*$/);
  assert.equal(asked[1]?.headers.accept, image.manifest.mediaType);
  assert.deepEqual((await mirror.get(tagPath)).body, index.manifest.bytes);
});

test("while upstream is down each client gets the variant that it got before", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  await mirror.get(tagPath, short);
  await hub.down();
  mirror.advance(60_001);

  // By HEAD, for nothing is here of what they name.
  const told = [await mirror.head(tagPath, short), await mirror.head(tagPath)];
  assert.deepEqual(
    told.map(({ headers }) => headers["docker-content-digest"]),
    [image.manifest.digest, index.manifest.digest],
  );
});

test("a client that takes neither index nor manifest gets what upstream gives to such clients", async () => {
  await using scene = await start();

  const answer = await scene.mirror.get(tagPath, { accept: "application/vnd.example+json" });

  assert.deepEqual(answer.body, image.manifest.bytes);
});

test("Accept lists of the same types in another order, or with other weights, are the same question", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  const other = "application/vnd.example+json";
  await mirror.get(tagPath, { accept: `${other}, ${image.manifest.mediaType}` });
  const before = hub.requests.length;

  await mirror.get(tagPath, { accept: `${image.manifest.mediaType};q=0.8,${other};q=0.1` });

  assert.equal(hub.requests.length, before);
});

test("'not found' for one kind of client takes the tag from no other", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  await mirror.get(tagPath, short);
  hub.override(tagPath, byAccept({ index: index.manifest, other: null }));
  mirror.advance(60_001);

  const refused = await mirror.get(tagPath, short);
  const others = await mirror.get(tagPath);
  const before = hub.requests.length;
  const again = await mirror.get(tagPath, short);
  await hub.down();
  mirror.advance(60_001);
  const stale = await mirror.get(tagPath);

  assert.equal(refused.status, 404);
  assert.deepEqual(others.body, index.manifest.bytes);
  assert.equal(again.status, 404);
  assert.equal(hub.requests.length, before, "it is believed for a moment");
  assert.deepEqual(stale.body, index.manifest.bytes);
});

test("'not found' for one kind of client takes the tag from no other after a restart either", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-"));
  {
    await using scene = await start(directory.path);
    await scene.mirror.get(tagPath);
    scene.hub.override(tagPath, byAccept({ index: index.manifest, other: null }));
    assert.equal((await scene.mirror.get(tagPath, short)).status, 404);
  }
  await using scene = await start(directory.path);
  await scene.hub.down();

  assert.deepEqual((await scene.mirror.get(tagPath)).body, index.manifest.bytes);
});

test("a tag that is gone is gone for every kind of client", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  await mirror.get(tagPath, short);
  hub.override(tagPath, byAccept({ index: null, other: null }));
  mirror.advance(60_001);

  assert.equal((await mirror.get(tagPath)).status, 404);
  assert.equal((await mirror.get(tagPath, short)).status, 404);
  await hub.down();
  mirror.advance(5_001);
  assert.equal((await mirror.get(tagPath, short)).status, 502);
});

test("a client that invents Accept lists fills neither catalog nor disk", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-"));
  await using scene = await start(directory.path);
  const { mirror } = scene;

  for (let at = 0; at < 10; at++) {
    mirror.advance(1);
    const answer = await mirror.get(tagPath, { accept: `application/vnd.x${at}+json` });
    assert.deepEqual(answer.body, image.manifest.bytes);
  }

  using database = reading(directory.path);
  assert.deepEqual(
    database.all("SELECT variant FROM tags ORDER BY checked_at_ms"),
    ["", ...[6, 7, 8, 9].map((at) => parseAccept(`application/vnd.x${at}+json`).variant)].map(
      (variant) => ({ variant }),
    ),
  );
  assert.equal((await mirror.stored()).blobs, 2);
});

test("a variant that upstream has no more is not served after a restart, the tag is", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-"));
  const hub = await FakeUpstream.start();
  await using _hub = hub;
  hub.addImage("team/app", "latest", index);
  {
    await using mirror = await TestMirror.start({
      upstreams: { "docker.io": hub },
      directory: directory.path,
    });
    await mirror.get(tagPath, short);
    mirror.advance(60_001);
    hub.override(tagPath, (request, response) => {
      const isShort = request.headers.accept === short.accept;
      response.writeHead(isShort ? 404 : 200, {
        "docker-content-digest": index.manifest.digest,
        "content-type": index.manifest.mediaType,
      });
      response.end();
    });
    assert.equal((await mirror.get(tagPath, short)).status, 404);
  }
  await hub.down();
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": hub },
    directory: directory.path,
  });

  assert.equal((await mirror.get(tagPath, short)).status, 502);
  assert.equal((await mirror.head(tagPath)).status, 200);
});

test("by digest it is the digest that counts, and no Accept of the client's goes upstream", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  const target = `/v2/team/app/manifests/${index.manifest.digest}`;

  const cold = await mirror.get(target, short);
  const warm = await mirror.get(target, { accept: "text/html" });

  for (const { body } of [cold, warm]) assert.deepEqual(body, index.manifest.bytes);
  assert.ok(hub.count("GET", target) > 0);
  for (const { headers } of hub.requests) assert.match(headers.accept ?? "", /\*\/\*$/);
});

interface Scene extends AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly mirror: TestMirror;
}

/** `team/app:latest` is an index for who takes one, and an image for who does not. */
async function start(directory?: string): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeUpstream.start());
  const mirror = resources.use(
    await TestMirror.start({
      upstreams: { "docker.io": hub },
      ...(directory === undefined ? {} : { directory }),
    }),
  );
  hub.addImage("team/app", "image", image);
  hub.addImage("team/app", "index", index);
  hub.override(tagPath, byAccept({ index: index.manifest, other: image.manifest }));
  const kept = resources.move();
  return { hub, mirror, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function byAccept(manifests: {
  readonly index: Manifest | null;
  readonly other: Manifest | null;
}): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const takesIndex = request.headers.accept?.includes(index.manifest.mediaType);
    const manifest = takesIndex ? manifests.index : manifests.other;
    if (!manifest) return void response.writeHead(404).end();
    const { mediaType, digest, bytes } = manifest;
    response.writeHead(200, { "content-type": mediaType, "docker-content-digest": digest });
    response.end(request.method === "HEAD" ? undefined : bytes);
  };
}

function reading(directory: string): Disposable & { all(sql: string): unknown[] } {
  const database = new Database(join(directory, "catalog.db"), { readonly: true });
  return {
    all: (sql) => database.prepare(sql).all(),
    [Symbol.dispose]: () => void database.close(),
  };
}
