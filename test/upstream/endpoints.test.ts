import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = imageOfSize("endpoints", 10);
const path = `/v2/team/app/manifests/${image.manifest.digest}`;

/** A mirror of an upstream with two endpoints, of which the second has the image. */
class Lab implements AsyncDisposable {
  readonly first: FakeUpstream;
  readonly second: FakeUpstream;
  readonly mirror: TestMirror;

  private constructor(first: FakeUpstream, second: FakeUpstream, mirror: TestMirror) {
    this.first = first;
    this.second = second;
    this.mirror = mirror;
  }

  static async start(): Promise<Lab> {
    const first = await FakeUpstream.start();
    const second = await FakeUpstream.start();
    second.addImage("team/app", "1", image);
    const endpoints = [new URL(first.url), new URL(second.url)];
    const timeouts = { connectMs: 5_000, headersMs: 400, bodyIdleMs: 5_000 };
    const mirror = await TestMirror.start({
      upstreams: { "docker.io": first },
      settings: { "docker.io": { endpoints, timeouts } },
    });
    return new Lab(first, second, mirror);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mirror[Symbol.asyncDispose]();
    await this.second[Symbol.asyncDispose]();
    await this.first[Symbol.asyncDispose]().catch(() => {});
  }
}

const troubles: readonly (readonly [what: string, answer: Answer])[] = [
  ["says 500", (_, response) => void response.writeHead(500).end("oops")],
  ["says 502", (_, response) => void response.writeHead(502).end()],
  ["says 503", (_, response) => void response.writeHead(503).end()],
  ["cuts the connection", (_, response) => void response.socket?.destroy()],
  ["does not answer in time", () => {}],
  [
    "redirects to where nobody may go",
    (_, response) => void response.writeHead(307, { location: "http://169.254.169.254/" }).end(),
  ],
];

for (const [what, answer] of troubles) {
  test(`the second endpoint is asked when the first ${what}`, async () => {
    await using lab = await Lab.start();
    lab.first.override(path, answer);

    const pulled = await lab.mirror.get(path);

    assert.equal(pulled.status, 200);
    assert.deepEqual(pulled.body, image.manifest.bytes);
    assert.ok(lab.first.requests.length > 0);
    assert.equal(lab.second.requests.length, 1);
  });
}

test("the second endpoint is asked when the first refuses connections", async () => {
  await using lab = await Lab.start();
  await lab.first.down();

  const pulled = await lab.mirror.get(path);

  assert.deepEqual(pulled.body, image.manifest.bytes);
});

const answers: readonly (readonly [status: number, expected: number])[] = [
  [404, 404],
  [401, 403],
  [403, 403],
  [429, 429],
];

for (const [status, expected] of answers) {
  test(`a first endpoint that says ${status} has answered, so the second is not asked`, async () => {
    await using lab = await Lab.start();
    lab.first.override(path, (_, response) => void response.writeHead(status).end());

    assert.equal((await lab.mirror.get(path)).status, expected);
    assert.equal(lab.second.requests.length, 0);
  });
}

test("when no endpoint answers, the last one's trouble is told", async () => {
  await using lab = await Lab.start();
  lab.first.override(path, (_, response) => void response.writeHead(500).end());
  lab.second.override(path, (_, response) => void response.writeHead(503).end("maintenance"));

  const answer = await lab.mirror.get(path);

  assert.equal(answer.status, 503);
  assert.match(answer.body.toString(), /maintenance/);
});
