import assert from "node:assert/strict";
import { mkdtempDisposable } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { test } from "node:test";
import type { EvictionAnswer } from "../../src/admin/routes/eviction.ts";
import { layoutOf } from "../../src/storage/layout.ts";
import { type Answer, ask } from "../support/ask.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const mib = 1024 ** 2;

test("a dry run through the socket changes nothing, and an eviction does what it said", async () => {
  await using scene = await startScene();
  const { mirror } = scene;
  const before = await mirror.stored();

  const plan = (await scene.evict({ dryRun: true, toBytes: 0 })).body as EvictionAnswer;
  const between = await mirror.stored();
  const evicted = (await scene.evict({ dryRun: false, toBytes: 0 })).body as EvictionAnswer;

  assert.ok(plan.dryRun && !evicted.dryRun);
  assert.deepEqual(between, before);
  assert.deepEqual(
    plan.victims.map(({ names, reason }) => ({ name: names[0], reason })),
    ["a", "b"].map((name) => ({ name: `docker.io/library/${name}:latest`, reason: "size" })),
  );
  assert.equal(evicted.roots, 2);
  assert.equal(evicted.freedBytes, plan.freedBytes);
  assert.equal(evicted.objects, plan.victims.flatMap(({ freed }) => freed).length);
  assert.equal((await mirror.stored()).blobs, 0);
  const { by, target, order } =
    mirror.logLines.find(({ msg }) => msg === "change was asked for") ?? {};
  assert.deepEqual(
    { by, target, order },
    {
      by: "the control socket",
      target: "/api/v1/evict",
      order: { dryRun: false, toBytes: 0 },
    },
  );
});

test("without an aim an eviction goes to the low watermark, which may be nothing", async () => {
  await using scene = await startScene();
  const { body } = await scene.evict({ dryRun: false });
  const evicted = body as EvictionAnswer;
  assert.ok(!evicted.dryRun);
  assert.equal(evicted.roots, 0);
  assert.equal(evicted.toBytes, Math.floor(0.85 * evicted.limitBytes));
});

test("the admin listener evicts for its own page, and for nobody else", async () => {
  await using scene = await startScene();
  const { mirror } = scene;
  const evict = (headers: Readonly<Record<string, string>>): Promise<Answer> =>
    ask(`${mirror.adminUrl}/api/v1/evict`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: Buffer.from('{"dryRun":false,"toBytes":0}'),
    });

  assert.equal((await evict({})).status, 403);
  assert.equal((await mirror.stored()).blobs, 6);
  assert.equal((await evict({ origin: mirror.adminUrl })).status, 200);
  assert.equal((await mirror.stored()).blobs, 0);
});

test("an order to evict that makes no sense is refused, told why, and evicts nothing", async () => {
  await using scene = await startScene();
  const table: [string, RegExp][] = [
    ["", /JSON/],
    ["{", /JSON/],
    ["[]", /object/],
    ["{}", /^dryRun: /],
    ['{"dryRun":"yes"}', /^dryRun: /],
    ['{"dryRun":false,"toBytes":-1}', /^toBytes: /],
    ['{"dryRun":false,"toBytes":"20GiB"}', /^toBytes: /],
    ['{"dryRun":false,"to":5}', /to/],
  ];
  for (const [text, message] of table) {
    const { status, body } = await scene.send("POST", "/api/v1/evict", text);
    assert.equal(status, 400, text);
    assert.match((body as { error: string }).error, message, text);
  }
  assert.equal((await scene.mirror.stored()).blobs, 6);
});

interface Told {
  readonly status: number;
  readonly body: unknown;
}

class Scene implements AsyncDisposable {
  readonly mirror: TestMirror;
  readonly #socketPath: string;
  readonly #resources: AsyncDisposableStack;

  constructor(mirror: TestMirror, directory: string, resources: AsyncDisposableStack) {
    this.mirror = mirror;
    this.#socketPath = layoutOf(directory).controlSocket;
    this.#resources = resources;
  }

  evict(order: object): Promise<Told> {
    return this.send("POST", "/api/v1/evict", JSON.stringify(order));
  }

  send(method: string, path: string, text = ""): Promise<Told> {
    const { promise, resolve, reject } = Promise.withResolvers<Told>();
    const headers = { "content-type": "application/json" };
    request({ socketPath: this.#socketPath, method, path, headers })
      .on("error", reject)
      .on("response", (response) => {
        const { statusCode: status = 0 } = response;
        json(response).then((body) => resolve({ status, body }), reject);
      })
      .end(text);
    return promise;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

/** A mirror that has stored two images, of three blobs each. */
async function startScene(): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const { path } = resources.use(await mkdtempDisposable(join(tmpdir(), "sluice-evict-")));
  const hub = resources.use(await FakeUpstream.start());
  const mirror = resources.use(
    await TestMirror.start({ upstreams: { "docker.io": hub }, directory: path }),
  );
  for (const name of ["a", "b"]) {
    const image = imageOfSize(`asked ${name}`, mib);
    hub.addImage(`library/${name}`, "latest", image);
    await mirror.get(`/v2/${name}/manifests/latest`);
    for (const { digest } of image.blobs) await mirror.get(`/v2/${name}/blobs/${digest}`);
    await mirror.idle();
    mirror.advance(60_000);
  }
  return new Scene(mirror, path, resources.move());
}
