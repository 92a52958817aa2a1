import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Simulation } from "../../src/mirror/simulation/simulation.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import { prepareLayout } from "../../src/storage/layout.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize } from "../support/images.ts";
import { type PulledOnce, pullBatch } from "../support/pull-batch.ts";
import { TestMirror } from "../support/test-mirror.ts";
import { runInThread } from "./run-in-thread.ts";
import type { Outcome } from "./run-sluice.ts";

const gib = 2 ** 30;
const dayMs = 86_400_000;

test("simulate compares sizes within 80 columns and marks the present one, without a daemon", async () => {
  await using scene = await startScene();
  await scene.log(tenImagesInTurn(10));

  const { code, stdout, stderr } = await scene.simulate("--max-size", "4GiB,20GiB");

  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(
    stdout,
    `log         100 pulls of 10 images in 9.9 days
from, to    2026-01-01T00:00Z, 2026-01-10T21:36Z
watermarks  95.0%, 85.0%

MAX SIZE      POLICY  IMAGES HIT  BYTES HIT  UPSTREAM     A DAY  EVICTED
4 GiB         gdsf          0.0%       0.0%   100 GiB  10.1 GiB       97
10 GiB (now)  gdsf          0.0%       0.0%   100 GiB  10.1 GiB       92
20 GiB        gdsf         90.0%      90.0%    10 GiB     1 GiB        0
`,
  );
  for (const line of stdout.split("\n")) assert.ok(line.length <= 80, line);
});

test("simulate says what is configured and left out of its replay", async () => {
  await using scene = await startScene('{ pins: ["docker.io/library/*"], maxIdle: 30d }');
  await scene.log(tenImagesInTurn(10));

  const { stdout } = await scene.simulate();
  const told: Simulation = JSON.parse((await scene.simulate("--json")).stdout);

  assert.match(stdout, /^left out {4}eviction\.pins and eviction\.maxIdle$/m);
  assert.deepEqual(told.leftOut, ["pins", "maxIdle"]);
});

test("simulate tells each policy for each size, and that a log of few days says little", async () => {
  await using scene = await startScene();
  await scene.log(tenImagesInTurn(3));

  const { stdout } = await scene.simulate("--policy", "lru,gdsf,belady", "--max-size", "5GiB");

  const rows = stdout.split("\n").filter((line) => /GiB/.test(line));
  assert.deepEqual(
    rows.map((row) => /lru|gdsf|belady/.exec(row)?.[0]),
    ["lru", "gdsf", "belady", "lru", "gdsf", "belady"],
  );
  assert.match(stdout, /The log covers less than a week, which says little/);
});

test("simulate --json tells each cache, and --days takes the end of the log of pulls only", async () => {
  await using scene = await startScene();
  await scene.log(tenImagesInTurn(10));
  const aDayAgo = { ...pullOf("recent"), atMs: Date.now() - dayMs };
  await scene.log([aDayAgo, { ...aDayAgo, atMs: Date.now() - dayMs / 2 }]);

  const all: Simulation = JSON.parse((await scene.simulate("--json")).stdout);
  const recent: Simulation = JSON.parse((await scene.simulate("--json", "--days", "2")).stdout);

  assert.deepEqual([all.pulls, recent.pulls], [102, 2]);
  assert.deepEqual(
    all.caches.map(({ maxSizeBytes, isPresent }) => [maxSizeBytes / gib, isPresent]),
    [
      [5, false],
      [10, true],
      [20, false],
      [40, false],
    ],
  );
  const [first] = recent.caches;
  assert.partialDeepStrictEqual(first, {
    policy: "gdsf",
    imageHitRate: 0.5,
    byteHitRate: 0.5,
    upstreamBytes: gib,
    upstreamBytesPerDay: gib,
    evictedImages: 0,
    highestBytes: gib,
  });
});

test("simulate with an empty log of pulls says what to do", async () => {
  await using scene = await startScene();
  await scene.log([]);

  const table = await scene.simulate();
  const json = await scene.simulate("--json");

  assert.equal(table.code, 0);
  assert.match(table.stdout, /^No pull is logged yet\. Pull images through the mirror/);
  assert.partialDeepStrictEqual(JSON.parse(json.stdout), { from: null, pulls: 0 });
});

test("simulate where nothing was ever stored says how to begin", async () => {
  await using scene = await startScene();

  const { code, stdout, stderr } = await scene.simulate();

  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^sluice: nothing is stored in .*sluice serve/);
});

test("simulate tells all its wrong options at once, with examples", async () => {
  await using scene = await startScene();

  const { code, stdout, stderr } = await scene.simulate(
    ...["--max-size", "20GiB,80%", "--policy", "fifo", "--days", "0"],
  );

  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /"20GiB,80%" is not up to 8 sizes; write for example 20GiB,50GiB/);
  assert.match(stderr, /"fifo" is not made of lru, lfu, gdsf, belady/);
  assert.match(stderr, /"0" is not a number of days up to 30/);
});

test("simulate beside a daemon replays the pulls of a moment ago, too", async () => {
  await using scene = await startScene();
  await using daemon = await scene.startDaemon();
  for (const name of ["a", "b", "a"]) await daemon.mirror.get(`/v2/${name}/manifests/latest`);

  const { code, stdout, stderr } = await scene.simulate("--json", "--max-size", "1GiB");
  const refused = await daemon.mirror.admin("/api/v1/simulate?maxSize=huge");
  const answer = await daemon.mirror.admin("/api/v1/simulate?policy=lru&days=3");

  assert.deepEqual([code, stderr], [0, ""]);
  assert.partialDeepStrictEqual(JSON.parse(stdout), { pulls: 3, images: 2 });
  assert.equal(JSON.parse(stdout).caches[0].imageHitRate, 1 / 3);
  assert.equal(refused.status, 400);
  assert.match(JSON.parse(refused.body.toString()).error, /"huge" is not up to 8 sizes/);
  assert.deepEqual([answer.status, JSON.parse(answer.body.toString()).pulls], [200, 3]);
});

test("one simulation runs at a time, and a second is refused with 503", async () => {
  await using scene = await startScene();
  await using daemon = await scene.startDaemon();

  const answers = await Promise.all([
    daemon.mirror.admin("/api/v1/simulate"),
    daemon.mirror.admin("/api/v1/simulate"),
  ]);

  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 503]);
});

function pullOf(name: string): PulledOnce {
  const digest = digestOf(Buffer.from(name));
  return { atMs: 0, image: { digest, members: [{ digest, sizeBytes: gib }] } };
}

/** Ten images of a GiB, each pulled once a day: whoever has room for nine throws away what comes next. */
function tenImagesInTurn(days: number): PulledOnce[] {
  const startMs = Date.parse("2026-01-01T00:00:00Z");
  return Array.from({ length: 10 * days }, (_, at) => ({
    ...pullOf(`image ${at % 10}`),
    atMs: startMs + (at * dayMs) / 10,
  }));
}

interface Scene extends AsyncDisposable {
  /** Writes to the log as a daemon would have. */
  log(pulls: readonly PulledOnce[]): Promise<void>;
  simulate(...args: readonly string[]): Promise<Outcome>;
  startDaemon(): Promise<AsyncDisposable & { readonly mirror: TestMirror }>;
}

async function startScene(eviction = "{}"): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await mkdtempDisposable(join(tmpdir(), "sluice-simulate-")));
  const file = join(path, "mirror.config.yaml");
  const storage = "{ directory: ./data, maxSize: 10GiB }";
  await writeFile(file, `storage: ${storage}\neviction: ${eviction}\n`);
  const owned = stack.move();
  return {
    log: async (pulls) => {
      const layout = await prepareLayout(join(path, "data"));
      await using catalog = await SqliteCatalog.open(layout);
      await catalog.recordPulls(pullBatch(pulls), { pulls: 1000, images: 1000, sinceMs: 0 });
    },
    simulate: (...args) => {
      return runInThread({ args: ["simulate", "--config", file, ...args], nowMs: null });
    },
    startDaemon: () => startDaemon(join(path, "data")),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function startDaemon(directory: string): ReturnType<Scene["startDaemon"]> {
  await using stack = new AsyncDisposableStack();
  const hub = stack.use(await FakeUpstream.start());
  for (const name of ["a", "b"]) hub.addImage(`library/${name}`, "latest", imageOfSize(name, 1000));
  const mirror = stack.use(await TestMirror.start({ upstreams: { "docker.io": hub }, directory }));
  const owned = stack.move();
  return { mirror, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
