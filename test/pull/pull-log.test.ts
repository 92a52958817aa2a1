import assert from "node:assert/strict";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { prefixOf, unpackMembers } from "../../src/storage/images/logged-pulls.ts";
import { readPulls } from "../../src/storage/images/read-pulls.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import {
  descriptorOf,
  imageOfSize,
  jsonOf,
  manifestOf,
  noiseBlob,
  runnableImage,
  type TestImage,
  topLayerOf,
} from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

test("each GET of an image's manifest is logged as a pull, by tag and by digest", async () => {
  await using scene = await startScene();
  const image = imageOfSize("pulled", 5000);
  scene.hub.addImage("library/a", "latest", image);

  await scene.mirror.get("/v2/a/manifests/latest");
  scene.mirror.advance(60_000);
  await scene.mirror.get(`/v2/a/manifests/${image.manifest.digest}`);
  const startMs = scene.mirror.nowMs - 60_000;

  const [pull, later] = await scene.log();
  assert.ok(pull && later);
  assert.deepEqual([pull.atMs, later.atMs], [startMs, startMs + 60_000]);
  assert.deepEqual(pull.members, membersOf(image));
  assert.deepEqual(later.members, pull.members);
});

test("HEAD is no pull, nor is a blob", async () => {
  await using scene = await startScene();
  const image = imageOfSize("looked at", 5000);
  scene.hub.addImage("library/a", "latest", image);

  await scene.mirror.head("/v2/a/manifests/latest");
  await scene.mirror.head(`/v2/a/manifests/${image.manifest.digest}`);
  await scene.mirror.get(`/v2/a/blobs/${topLayerOf(image).digest}`);

  assert.deepEqual(await scene.log(), []);
});

test("an index is no pull; the image that is taken from it is", async () => {
  await using scene = await startScene();
  const index = runnableImage("indexed");
  scene.hub.addImage("library/a", "latest", index);
  const [child] = index.children;
  assert.ok(child);

  await scene.mirror.get("/v2/a/manifests/latest");
  await scene.mirror.get(`/v2/a/manifests/${child.manifest.digest}`);

  const log = await scene.log();
  assert.deepEqual(
    log.map(({ members }) => members),
    [membersOf(child)],
  );
});

test("the log has stored sizes where a manifest lies, and believes none beyond maxSize", async () => {
  await using scene = await startScene();
  const layer = noiseBlob("true size", 3000);
  const type = "application/vnd.oci.image.layer.v1.tar+gzip";
  const manifest = manifestOf({
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    layers: [
      { ...descriptorOf(type, layer), size: 7 },
      { ...descriptorOf(type, noiseBlob("absurd", 1)), size: Number.MAX_SAFE_INTEGER },
      { ...descriptorOf(type, noiseBlob("negative", 1)), size: -1 },
      { ...descriptorOf(type, noiseBlob("none", 1)), size: "many" },
    ],
  });
  scene.hub.addImage("library/a", "latest", { manifest, blobs: [layer], children: [] });
  await scene.mirror.get(`/v2/a/blobs/${layer.digest}`);
  await scene.mirror.idle();

  await scene.mirror.get("/v2/a/manifests/latest");

  const [pull] = await scene.log();
  assert.deepEqual(
    pull?.members.slice(1).map(({ sizeBytes }) => sizeBytes),
    [3000, 100 * 1024 ** 2, 0, 0],
  );
});

test("a manifest that names thousands of layers takes little of the log", async () => {
  await using scene = await startScene();
  const type = "application/vnd.oci.image.layer.v1.tar+gzip";
  const layers = Array.from({ length: 3000 }, (_, at) =>
    descriptorOf(type, { ...noiseBlob(`${at}`, 1), bytes: jsonOf(at) }),
  );
  const manifest = manifestOf({
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    layers,
  });
  scene.hub.addImage("library/a", "latest", { manifest, blobs: [], children: [] });

  await scene.mirror.get("/v2/a/manifests/latest");

  assert.ok(((await scene.log())[0]?.members.length ?? 0) <= 257);
});

test("a rollout to many nodes is many pulls of one image", async () => {
  await using scene = await startScene();
  scene.hub.addImage("library/a", "latest", imageOfSize("rollout", 1000));

  await Promise.all(Array.from({ length: 120 }, () => scene.mirror.get("/v2/a/manifests/latest")));

  const log = await scene.log();
  assert.equal(log.length, 120);
  assert.equal(new Set(log.map(({ image }) => image)).size, 1);
});

interface Pull {
  readonly atMs: number;
  readonly image: number | undefined;
  readonly members: readonly { readonly prefix: string; readonly sizeBytes: number }[];
}

interface Scene extends AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly mirror: TestMirror;
  /** Ends the mirror, which writes what it has noted, and reads its log. */
  log(): Promise<Pull[]>;
}

async function startScene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await mkdtempDisposable(join(tmpdir(), "sluice-log-")));
  const hub = stack.use(await FakeUpstream.start());
  const mirror = stack.use(
    await TestMirror.start({
      upstreams: { "docker.io": hub },
      directory: path,
      maxSize: { kind: "bytes", bytes: 100 * 1024 ** 2 },
    }),
  );
  const owned = stack.move();
  return {
    hub,
    mirror,
    log: async () => {
      await mirror[Symbol.asyncDispose]();
      return logIn(join(path, "catalog.db"));
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function logIn(path: string): Pull[] {
  const database = new Database(path, { readonly: true });
  try {
    const { atMs, images, members, memberEnds } = readPulls(database, 0);
    return [...atMs].map((time, at) => {
      const image = images[at] ?? 0;
      const packed = members.subarray(memberEnds[image - 1] ?? 0, memberEnds[image]);
      return { atMs: time, image, members: unpackMembers(packed) };
    });
  } finally {
    database.close();
  }
}

function membersOf({ manifest, blobs }: TestImage): Pull["members"] {
  return [manifest, ...blobs].map(({ digest, bytes }) => ({
    prefix: prefixOf(digest),
    sizeBytes: bytes.length,
  }));
}
