import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, type TestImage } from "../support/images.ts";
import { dayMs, old, pulledTag, tagPath } from "../support/pulled-tag.ts";
import type { RawAnswer } from "../support/raw-client.ts";
import { TestMirror } from "../support/test-mirror.ts";

const images: readonly TestImage[] = Array.from({ length: 5 }, (_, at) =>
  imageOfSize(`${at}`, 100),
);

for (const [name, jumpMs] of [
  ["back by 30 days", -30 * dayMs],
  ["forward by 400 days", 400 * dayMs],
] as const) {
  test(`a clock that is set ${name} has each stored thing asked about once more, by HEAD, and all is served`, async () => {
    await using scene = await pulledImages();
    const { hub, mirror } = scene;
    const before = hub.requests.length;
    mirror.setClockBy(jumpMs);

    for (const answer of await pullAll(mirror)) assert.equal(answer.status, 200);
    const asked = hub.requests.slice(before);
    for (let turn = 0; turn < 3; turn++) {
      mirror.advance(1_000);
      for (const answer of await pullAll(mirror)) assert.equal(answer.status, 200);
    }
    await mirror.idle();

    assert.equal(new Set(asked.map(({ target }) => target)).size, asked.length);
    assert.ok(asked.every(({ method }) => method === "HEAD"));
    assert.equal(hub.requests.length, before + asked.length);
  });
}

test("a clock that jumps there and back costs one question a jump", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  const before = hub.requests.length;

  for (let turn = 0; turn < 20; turn++) {
    mirror.setClockBy(turn % 2 === 0 ? 3_600_000 : -3_600_000);
    for (let pull = 0; pull < 3; pull++) {
      const answer = await mirror.get(tagPath);
      assert.deepEqual(answer.body, old.manifest.bytes);
      assertNoNegativeAge(answer);
    }
  }

  assert.ok(hub.requests.length - before <= 20, `${hub.requests.length - before}`);
});

test("a tag that was checked by a clock that has been set back since is served while upstream is down, with age 0", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  await hub.down();
  mirror.setClockBy(-30 * dayMs);

  const answer = await mirror.get(tagPath);

  assert.deepEqual(answer.body, old.manifest.bytes);
  assert.equal(answer.headers["age"], "0");
});

test("a tag that was checked by a clock that has been set back since does not stand against a refusal", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  hub.overrideAll((_request, response) => void response.writeHead(403).end());
  mirror.setClockBy(-30 * dayMs);

  assert.equal((await mirror.get(tagPath)).status, 403);
  assert.equal((await mirror.get(`/v2/app/manifests/${old.manifest.digest}`)).status, 403);
});

test("a clock that is set forward beyond staleIfError ends a tag while upstream is down, until it is set right", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  await hub.down();
  mirror.setClockBy(400 * dayMs);

  assert.equal((await mirror.get(tagPath)).status, 502);
  mirror.setClockBy(-400 * dayMs);
  assert.equal((await mirror.get(tagPath)).status, 200, "and does not lose it");
});

test("'not found' that was said before the clock jumped there and back takes no tag that came since", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  assert.equal((await mirror.get(tagPath)).status, 404);
  hub.addImage("library/app", "latest", old);
  mirror.setClockBy(-dayMs);
  assert.equal((await mirror.get(tagPath)).status, 200);

  mirror.setClockBy(dayMs);

  assert.equal((await mirror.get(tagPath)).status, 200);
});

interface Scene extends AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly mirror: TestMirror;
}

/** A mirror that has just pulled all images, by tag and by digest. */
async function pulledImages(): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeUpstream.start());
  const mirror = resources.use(await TestMirror.start({ upstreams: { "docker.io": hub } }));
  for (const [at, image] of images.entries()) hub.addImage("team/app", `${at}`, image);
  await pullAll(mirror);
  await mirror.idle();
  const kept = resources.move();
  return { hub, mirror, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function pullAll(mirror: TestMirror): Promise<RawAnswer[]> {
  const answers: RawAnswer[] = [];
  for (const [at, { manifest, blobs }] of images.entries()) {
    answers.push(await mirror.get(`/v2/team/app/manifests/${at}`));
    answers.push(await mirror.get(`/v2/team/app/manifests/${manifest.digest}`));
    for (const { digest } of blobs) answers.push(await mirror.get(`/v2/team/app/blobs/${digest}`));
  }
  for (const answer of answers) assertNoNegativeAge(answer);
  return answers;
}

function assertNoNegativeAge({ headers }: RawAnswer): void {
  if (headers["age"] !== undefined) assert.match(headers["age"], /^\d+$/);
}
