import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultScene } from "../support/fault-scene.ts";
import { FaultUpstream } from "../support/fault-upstream.ts";
import { patient } from "../support/patience.ts";
import type { SeededContent } from "../support/seeded-content.ts";

const sizeBytes = 3_000_000;
const cutBytes = 900_000;

test("a blob that breaks off at one endpoint is gone on with at the next, from the byte where it ended", async () => {
  await using lab = await Lab.start();
  const content = lab.blob("broken off");

  await lab.scene.pullWhole("cut-always", content);

  assert.deepEqual(starts(lab.first, content), [0]);
  assert.deepEqual(starts(lab.second, content), [cutBytes]);
  await lab.scene.assertSound({ stored: [content] });
});

test("while an endpoint that broke off is left alone the next one gives all that is missing", async () => {
  await using lab = await Lab.start();
  const content = lab.blob("gone");
  const release = lab.first.hold(content, 500_000);
  using client = lab.scene.open("good", content);
  await client.when(({ bodyBytes }) => bodyBytes > 0);

  await lab.first.down();
  release();

  assert.equal((await lab.scene.finish(client, "good", content)).complete, true);
  assert.equal(starts(lab.second, content).length, 1);
  await lab.first.up();
  await lab.scene.assertSound({ stored: [content] });
});

test("a blob whose endpoint stalls in the middle is gone on with at the next", async () => {
  await using lab = await Lab.start();
  const content = lab.blob("stopping");

  await lab.scene.pullWhole("stall-at-half", content);

  assert.deepEqual(starts(lab.second, content), [sizeBytes / 2]);
  await lab.scene.assertSound({ stored: [content] });
});

test("two endpoints that both break off take turns, and no byte comes twice", async () => {
  await using lab = await Lab.start("cut-always");
  const content = lab.blob("taking turns");

  await lab.scene.pull("cut-always", content);

  const [first, second] = [lab.first, lab.second].map((one) => starts(one, content));
  assert.ok(first && second && first.length + second.length <= 8);
  const all = [...first, ...second];
  assert.equal(new Set(all).size, all.length, "no start is asked for twice");
  assert.ok(Math.abs(first.length - second.length) <= 1, `${first.length} and ${second.length}`);
});

const others: readonly string[] = ["cut-then-404", "cut-then-416", "cut-then-wrong-total"];

for (const fault of others) {
  test(`a next endpoint that has no rest to give (${fault}) is not the last word: the first is asked for it again`, async () => {
    await using lab = await Lab.start(fault);
    const content = lab.blob(fault);
    await lab.scene.pullWhole("cut-once", content);

    assert.deepEqual(starts(lab.first, content), [0, cutBytes]);
    await lab.scene.assertSound({ stored: [content] });
  });
}

const lies: readonly string[] = ["cut-then-other-whole", "cut-then-other-rest"];

for (const fault of lies) {
  test(`a next endpoint's rest of other content (${fault}) is never taken for the rest of this blob`, async () => {
    await using lab = await Lab.start(fault);
    const content = lab.blob(fault);
    const answer = await lab.scene.pull(fault, content);

    assert.equal(answer.complete, false);
    await lab.scene.assertSound({ unstored: [content] });
    await lab.scene.pullWhole("good", content);
  });
}

test("an endpoint that sends wrong bytes is passed over by the next pull", async () => {
  await using lab = await Lab.start();
  const content = lab.blob("wrong");

  assert.equal((await lab.scene.pull("flip-middle", content)).complete, false);
  await lab.scene.pullWhole("flip-middle", content);

  assert.deepEqual(starts(lab.second, content), [0]);
});

/** A scene whose upstream has a second endpoint, which may behave as one that has broken off once. */
class Lab implements AsyncDisposable {
  readonly scene: FaultScene;
  readonly first: FaultUpstream;
  readonly second: FaultUpstream;

  private constructor(scene: FaultScene, second: FaultUpstream) {
    this.scene = scene;
    this.first = scene.upstream;
    this.second = second;
  }

  static async start(fault = "good"): Promise<Lab> {
    const second = await FaultUpstream.start({ behaves: { fault, attempt: 1 } });
    const timeouts = { ...patient, headersMs: 2_000, bodyIdleMs: 1_500 };
    return new Lab(await FaultScene.start({ next: second, settings: { timeouts } }), second);
  }

  blob(seed: string): SeededContent {
    const content = this.first.blob(seed, sizeBytes);
    this.second.offer(content);
    return content;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.scene[Symbol.asyncDispose]();
    await this.second[Symbol.asyncDispose]();
  }
}

/** Where the requests for a blob began. */
function starts(upstream: FaultUpstream, { digest }: SeededContent): number[] {
  return upstream
    .asked("GET", digest)
    .map(({ headers }) => Number(/^bytes=(\d+)-$/.exec(headers["range"] ?? "bytes=0-")?.[1]));
}
