import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { noiseBlob, type TestBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

// What is small and warm is answered from memory. Nothing else may be different by that.

const limitBytes = 64 * 1024;

test("a small blob is right byte for byte, cold, from its file and from memory", async () => {
  await using scene = await startScene();
  for (const sizeBytes of [0, 1, 32 * 1024, 32 * 1024 + 1, limitBytes, limitBytes + 1]) {
    const blob = noiseBlob(`of ${sizeBytes}`, sizeBytes);
    const outcomes: unknown[] = [];
    for (let pull = 0; pull < 4; pull++) {
      const answer = await scene.pull(blob);
      assert.ok(answer.body.equals(blob.bytes), `${sizeBytes}, ${pull}`);
      assert.equal(answer.headers["content-length"], String(sizeBytes));
      outcomes.push(answer.headers["cache-status"]);
    }
    const hits = Array.from({ length: 3 }, () => "sluice; hit");
    assert.deepEqual(outcomes, ["sluice; fwd=miss; stored", ...hits]);
  }
  assert.equal(scene.hub.count("GET", "/blobs/"), 6);
});

test("a blob from memory has the headers and the log line of one from its file", async () => {
  await using scene = await startScene();
  await scene.pull(small);
  const fromFile = await scene.pull(small);
  const fromMemory = await scene.pull(small);

  const { "x-request-id": id, date, ...rest } = fromMemory.headers;
  assert.ok(id && date);
  assert.deepEqual({ ...rest, "x-request-id": 0, date: 0 }, withoutOwn(fromFile.headers));
  const [, second, third] = scene.mirror.logLines.filter(({ target }) => target !== undefined);
  assert.deepEqual(Object.keys(third ?? {}), Object.keys(second ?? {}));
  assert.deepEqual([third?.["outcome"], third?.["sentBytes"]], ["hit", small.bytes.length]);
});

test("ranges, HEAD and 304 of a blob in memory are answered as from its file", async () => {
  await using scene = await startScene();
  for (let pull = 0; pull < 3; pull++) await scene.pull(small);
  const { mirror } = scene;

  const part = await mirror.get(pathOf(small), { range: "bytes=100-199" });
  const end = await mirror.get(pathOf(small), { range: "bytes=-5" });
  const parts = await mirror.get(pathOf(small), { range: "bytes=0-9,20-29" });
  const behind = await mirror.get(pathOf(small), { range: "bytes=99999-" });
  const head = await mirror.head(pathOf(small));
  const unmodified = await mirror.get(pathOf(small), { "if-none-match": `"${small.digest}"` });

  assert.deepEqual(
    [part, end, parts, behind, head, unmodified].map(({ status }) => status),
    [206, 206, 206, 416, 200, 304],
  );
  assert.ok(part.body.equals(small.bytes.subarray(100, 200)));
  assert.ok(end.body.equals(small.bytes.subarray(-5)));
  assert.ok(parts.body.includes(small.bytes.subarray(20, 30)));
  assert.equal(head.headers["content-length"], String(small.bytes.length));
  assert.equal(head.body.length + unmodified.body.length, 0);
});

test("a small blob in memory is a miss from the moment in which it is evicted", async () => {
  await using scene = await startScene();
  for (let pull = 0; pull < 3; pull++) await scene.pull(small);

  await scene.mirror.daemon.mirror.evictor.evict({ toBytes: 0 });

  const answer = await scene.pull(small);
  assert.equal(answer.headers["cache-status"], "sluice; fwd=miss; stored");
  assert.ok(answer.body.equals(small.bytes));
});

test("a blob in memory through one repository is served to another with a grant of its own only", async () => {
  await using scene = await startScene();
  for (let pull = 0; pull < 3; pull++) await scene.pull(small);
  const { hub, mirror } = scene;
  const other = `/v2/library/other/blobs/${small.digest}`;

  assert.equal((await mirror.get(other)).status, 404);
  assert.ok(hub.count("HEAD", "library/other/blobs/") > 0);
  mirror.advance(60_000);
  hub.addBlob("library/other", small);
  const granted = await mirror.get(other);

  assert.equal(granted.headers["cache-status"], "sluice; hit");
  assert.equal(hub.count("GET", "/blobs/"), 1);
});

test("a rule that denies holds at once for a blob in memory", async () => {
  await using scene = await startScene();
  for (let pull = 0; pull < 3; pull++) await scene.pull(small);
  const rule = {
    match: "docker.io/library/app",
    ttlMs: null,
    staleWhileRevalidateMs: null,
    staleIfErrorMs: null,
    negativeTtlMs: null,
    keeps: true,
    denial: "no",
  };

  scene.mirror.reloadFreshness({ rules: [rule] });

  assert.equal((await scene.mirror.get(pathOf(small))).status, 403);
});

test("pulls of a blob from memory count as accesses, so that it is not taken for idle", async () => {
  await using scene = await startScene();
  for (let pull = 0; pull < 5; pull++) await scene.pull(small);
  const { evictor } = scene.mirror.daemon.mirror;

  const { victims } = await evictor.plan({ toBytes: 0 }, 1);

  assert.equal(victims[0]?.pulls, 5);
});

const small = noiseBlob("small", 10_000);

function pathOf({ digest }: TestBlob): string {
  return `/v2/library/app/blobs/${digest}`;
}

function withoutOwn(headers: Readonly<Record<string, string>>): Record<string, unknown> {
  return { ...headers, "x-request-id": 0, date: 0 };
}

interface Scene extends AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly mirror: TestMirror;
  /** To its end, until what is cold is stored. */
  pull(blob: TestBlob): ReturnType<TestMirror["get"]>;
}

async function startScene(): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeUpstream.start());
  const mirror = resources.use(await TestMirror.start({ upstreams: { "docker.io": hub } }));
  const kept = resources.move();
  return {
    hub,
    mirror,
    pull: async (blob) => {
      hub.addBlob("library/app", blob);
      const answer = await mirror.get(pathOf(blob));
      await mirror.idle();
      return answer;
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
