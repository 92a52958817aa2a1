import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize } from "../support/images.ts";
import { patient } from "../support/patience.ts";
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
    // What the second says must come within it: below a second a thread that stood still would have lost it.
    const timeouts = { ...patient, headersMs: 1_500 };
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
  ["says 429", (_, response) => void response.writeHead(429, { "retry-after": "60" }).end()],
  ["sends a web page", (_, response) => void response.writeHead(200).end("<html>log in</html>")],
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
];

for (const [status, expected] of answers) {
  test(`a first endpoint that says ${status} has answered, so the second is not asked`, async () => {
    await using lab = await Lab.start();
    lab.first.override(path, (_, response) => void response.writeHead(status).end());

    assert.equal((await lab.mirror.get(path)).status, expected);
    assert.equal(lab.second.requests.length, 0);
  });
}

test("an endpoint that wants to be left alone is passed over, and asked first again when the time is over", async () => {
  await using lab = await Lab.start();
  lab.first.addImage("team/app", "1", image);
  lab.first.override(path, (_, response) => {
    response.writeHead(429, { "retry-after": "60" }).end();
  });
  await lab.mirror.get(path);
  lab.first.override(path, null);
  const before = lab.first.requests.length;

  const meanwhile = await lab.mirror.get("/v2/team/app/tags/list");
  lab.mirror.advance(60_000);
  const afterwards = await lab.mirror.get("/v2/team/app/tags/list");

  assert.deepEqual([meanwhile.status, afterwards.status], [200, 200]);
  assert.deepEqual([lab.first.requests.length - before, lab.second.requests.length], [1, 2]);
});

test("when every endpoint wants to be left alone, the client is told for how long", async () => {
  await using lab = await Lab.start();
  for (const [endpoint, seconds] of [
    [lab.first, "60"],
    [lab.second, "20"],
  ] as const) {
    endpoint.override(path, (_, response) => {
      response.writeHead(429, { "retry-after": seconds }).end();
    });
  }
  await lab.mirror.get(path);
  const before = lab.first.requests.length + lab.second.requests.length;

  const answer = await lab.mirror.get(path);

  assert.equal(answer.status, 429);
  assert.equal(answer.headers["retry-after"], "20");
  assert.equal(lab.first.requests.length + lab.second.requests.length, before);
});

test("a manifest that the second endpoint has not, and the first fails with, is 404 once the second has said so twice", async () => {
  await using lab = await Lab.start();
  const unknown = `/v2/team/app/manifests/sha256:${"a".repeat(64)}`;
  lab.first.override(unknown, (_, response) => void response.writeHead(500).end());

  assert.equal((await lab.mirror.get(unknown)).status, 404);

  assert.deepEqual([lab.first.requests.length, lab.second.requests.length], [1, 2]);
});

test("when no endpoint answers, the last one's trouble is told", async () => {
  await using lab = await Lab.start();
  lab.first.override(path, (_, response) => void response.writeHead(500).end());
  lab.second.override(path, (_, response) => void response.writeHead(503).end("maintenance"));

  const answer = await lab.mirror.get(path);

  assert.equal(answer.status, 503);
  assert.match(answer.body.toString(), /maintenance/);
});
