import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import {
  imageOfSize,
  jsonOf,
  manifestOf,
  runnableImage,
  type TestImage,
  topLayerOf,
} from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = imageOfSize("incomplete", 1_000);
const index = runnableImage("incomplete");
const [amd64, arm64] = index.children as [TestImage, TestImage];

test("a manifest whose content is neither here nor to be had is 503 to a GET, so that clients go elsewhere", async () => {
  await using scene = await startScene();
  const { mirror } = scene;
  await scene.pullContent(image, 1);
  await scene.fail();

  for (const reference of ["image", image.manifest.digest]) {
    const path = `/v2/team/app/manifests/${reference}`;
    const answer = await mirror.get(path);
    assert.equal(answer.status, 503, reference);
    assert.match(answer.headers["retry-after"] ?? "", /^[1-9]\d*$/);
    const missing = topLayerOf(image).digest;
    const sentence = `docker.io is left alone, for it .*; and ${missing} of this image is not here`;
    assert.match(answer.reason, new RegExp(sentence));
    assert.equal((await mirror.head(path)).status, 200, "HEAD says what is known");
  }
});

test("a manifest whose content is here is given, whatever upstream does", async () => {
  await using scene = await startScene();
  await scene.pullContent(image);
  await scene.fail();

  for (const reference of ["image", image.manifest.digest]) {
    assert.equal((await scene.mirror.get(`/v2/team/app/manifests/${reference}`)).status, 200);
  }
});

test("a manifest whose content is missing is given as long as upstream may be asked for it", async () => {
  await using scene = await startScene();
  const path = `/v2/team/app/manifests/${image.manifest.digest}`;
  await scene.mirror.get(path);
  await scene.hub.down();

  assert.equal((await scene.mirror.get(path)).status, 200, "nobody knows yet");
  await scene.fail();
  assert.equal((await scene.mirror.get(path)).status, 503);
  scene.mirror.advance(60_000);
  assert.equal((await scene.mirror.get(path)).status, 200, "it may be well again");
});

test("an index is given if one of its images is here whole", async () => {
  await using scene = await startScene();
  const { mirror } = scene;
  const manifest = (digest: string): string => `/v2/team/app/manifests/${digest}`;
  await mirror.get(manifest(index.manifest.digest));
  await scene.pullContent(amd64, 1);
  await mirror.get(manifest(arm64.manifest.digest));
  await scene.fail();
  const without = await mirror.get(manifest(index.manifest.digest));

  await scene.heal();
  await scene.pullContent(arm64);
  await scene.fail();

  assert.equal(without.status, 503);
  assert.match(without.reason, /no image of this index is here whole/);
  assert.equal((await mirror.get(manifest(index.manifest.digest))).status, 200);
  assert.equal((await mirror.get(manifest(arm64.manifest.digest))).status, 200);
  assert.equal((await mirror.get(manifest(amd64.manifest.digest))).status, 503);
});

test("foreign layers are nobody's content here: clients fetch them from their urls", async () => {
  await using scene = await startScene();
  const written = JSON.parse(image.manifest.bytes.toString());
  const [layer] = written.layers;
  const foreign = { ...layer, digest: `sha256:${"f".repeat(64)}`, urls: ["https://x.example/"] };
  const manifest = manifestOf({ ...written, layers: [layer, foreign] });
  scene.hub.addImage("team/app", "foreign", { ...image, manifest });
  await scene.mirror.get("/v2/team/app/manifests/foreign");
  await scene.pullContent(image);
  await scene.fail();

  const answer = await scene.mirror.get(`/v2/team/app/manifests/${manifest.digest}`);

  assert.equal(answer.status, 200);
  assert.ok(answer.body.equals(jsonOf({ ...written, layers: [layer, foreign] })));
});

test("content that is stored for a repository of another upstream does not count as here", async () => {
  await using scene = await startScene();
  const path = `/v2/team/app/manifests/${image.manifest.digest}`;
  await scene.mirror.get(path);
  for (const { digest } of image.blobs) {
    await scene.mirror.get(`/v2/quay.io/team/app/blobs/${digest}`);
  }
  await scene.fail();

  assert.equal((await scene.mirror.get(path)).status, 503);
});

test("a layer that is being filled counts as here", async () => {
  await using scene = await startScene();
  const layer = topLayerOf(image);
  const path = `/v2/team/app/manifests/${image.manifest.digest}`;
  await scene.pullContent(image, 1);
  const release = scene.hub.hold("team/app", layer.digest, 10);
  using arriving = scene.mirror.open(`/v2/team/app/blobs/${layer.digest}`);
  while (scene.hub.count("GET", layer.digest) === 0) await scene.mirror.get("/v2/");
  scene.breakAll();
  await scene.notice();

  const answer = await scene.mirror.get(path);
  release();

  assert.equal(answer.status, 200);
  assert.ok((await arriving.end()).body.equals(layer.bytes));
});

interface Scene extends AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly mirror: TestMirror;
  /** Pulls the manifest, and the first `count` of its blobs. */
  readonly pullContent: (image: TestImage, count?: number) => Promise<void>;
  /** Answers no question any more that is not asked yet. */
  readonly breakAll: () => void;
  /** Lets the mirror know. */
  readonly notice: () => Promise<void>;
  readonly fail: () => Promise<void>;
  readonly heal: () => Promise<void>;
}

async function startScene(): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeUpstream.start());
  const quay = resources.use(await FakeUpstream.start());
  const mirror = resources.use(
    await TestMirror.start({
      upstreams: { "docker.io": hub, "quay.io": quay },
    }),
  );
  hub.addImage("team/app", "image", image);
  hub.addImage("team/app", "index", index);
  quay.addImage("team/app", "image", image);
  const pullContent = async (pulled: TestImage, count = pulled.blobs.length): Promise<void> => {
    const tag = pulled === image ? "image" : pulled.manifest.digest;
    await mirror.get(`/v2/team/app/manifests/${tag}`);
    for (const { digest } of pulled.blobs.slice(0, count)) {
      await mirror.get(`/v2/team/app/blobs/${digest}`);
    }
    await mirror.idle();
  };
  const breakAll = (): void => hub.overrideAll((request) => void request.socket.destroy());
  const notice = async (): Promise<void> => {
    for (let asked = 0; asked < 4; asked++) {
      await mirror.get(`/v2/team/app/manifests/nothing-${asked}`);
    }
  };
  const fail = async (): Promise<void> => {
    breakAll();
    await notice();
  };
  const heal = async (): Promise<void> => {
    hub.overrideAll(null);
    mirror.advance(60_000);
    await mirror.get("/v2/team/app/manifests/image");
  };
  const kept = resources.move();
  const dispose = (): Promise<void> => kept.disposeAsync();
  return { hub, mirror, pullContent, breakAll, notice, fail, heal, [Symbol.asyncDispose]: dispose };
}
