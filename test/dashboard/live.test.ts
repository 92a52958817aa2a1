import assert from "node:assert/strict";
import { test } from "node:test";
import { listenersLimit } from "../../src/admin/routes/live.ts";
import type { Now } from "../../src/admin/routes/now.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, topLayerOf } from "../support/images.ts";
import { pullImage } from "../support/pull-image.ts";
import { TestMirror } from "../support/test-mirror.ts";

test("who listens to the live feed is told at once, and again when something has happened", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  hub.addImage("library/app", "1", imageOfSize("live", 50_000));
  await using events = await Listener.open(mirror);

  const before = await events.next();
  const requests = await pullImage(mirror, "library/app", "1");
  const after = await events.until((now) => now.stats.upstreams[0]?.requests === requests);

  assert.deepEqual(before.stats.upstreams, []);
  assert.ok(after.disk.usedBytes > 50_000);
});

test("a fill is told of while it runs: what it is for, how far it is, who reads it", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const image = imageOfSize("filling", 400_000);
  const layer = topLayerOf(image);
  hub.addImage("library/app", "1", image);
  const release = hub.hold("library/app", layer.digest, 200_000);
  await mirror.get("/v2/library/app/manifests/1");
  await using events = await Listener.open(mirror);
  using _one = mirror.open(`/v2/library/app/blobs/${layer.digest}`);
  using _other = mirror.open(`/v2/library/app/blobs/${layer.digest}`);

  const filling = await events.until(({ fills }) => {
    return fills[0]?.readers === 2 && fills[0].doneBytes === 200_000;
  });
  release();
  await mirror.idle();
  const over = await events.until(({ fills }) => fills.length === 0);

  assert.deepEqual(filling.fills, [
    {
      upstream: "docker.io",
      repository: "library/app",
      image: "docker.io/library/app:1",
      digest: layer.digest,
      state: "streaming",
      doneBytes: 200_000,
      totalBytes: layer.bytes.length,
      readers: 2,
    },
  ]);
  assert.ok(filling.disk.arrivingBytes >= layer.bytes.length);
  assert.equal(over.disk.arrivingBytes, 0);
});

test("32 may listen to the live feed, and who comes then is told to come again", async () => {
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": "http://127.0.0.1:9" } });
  await using listening = new AsyncDisposableStack();
  const first = listening.use(await Listener.open(mirror));
  for (let more = 1; more < listenersLimit; more++) {
    listening.use(await Listener.open(mirror));
  }

  const refused = await fetch(`${mirror.adminUrl}/api/v1/live`);
  await first[Symbol.asyncDispose]();

  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get("retry-after"), "10");
  assert.match(await refused.text(), /32 are listening already/);
  // The mirror hears of the end a moment later.
  await using _again = await Listener.open(mirror, "when there is room");
});

test("a mirror that stops ends its live feed", async () => {
  const mirror = await TestMirror.start({ upstreams: { "docker.io": "http://127.0.0.1:9" } });
  await using events = await Listener.open(mirror);
  await events.next();

  await mirror[Symbol.asyncDispose]();

  await assert.rejects(events.until(() => false));
});

/** Somebody who listens to `/api/v1/live`. */
class Listener implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";

  private constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.pipeThrough(new TextDecoderStream()).getReader();
  }

  static async open(
    mirror: TestMirror,
    when: "now" | "when there is room" = "now",
  ): Promise<Listener> {
    const answer = await fetch(`${mirror.adminUrl}/api/v1/live`);
    if (answer.status === 503 && when === "when there is room")
      return await Listener.open(mirror, when);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("content-type"), "text/event-stream");
    assert.ok(answer.body);
    return new Listener(answer.body);
  }

  /** The next event. Rejects when there is none any more. */
  async next(): Promise<Now> {
    for (;;) {
      const end = this.#rest.indexOf("\n\n");
      if (end >= 0) {
        const event = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 2);
        const [, data] = /^event: now\ndata: (.*)$/.exec(event) ?? [];
        if (data !== undefined) return JSON.parse(data);
        continue;
      }
      const part = await this.#reader.read();
      if (part.done) throw new Error("it has ended");
      this.#rest += part.value;
    }
  }

  async until(is: (now: Now) => boolean): Promise<Now> {
    for (;;) {
      const now = await this.next();
      if (is(now)) return now;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }
}
