import assert from "node:assert/strict";
import { test } from "node:test";
import { PullRecorder } from "../../src/mirror/pull-recorder.ts";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import { openLog } from "../../src/telemetry/log.ts";
import { storageDirectory } from "../storage/storage-directory.ts";
import { ampleBudget } from "../support/ample-budget.ts";
import { imageOfSize } from "../support/images.ts";

const dayMs = 86_400_000;

test("what was noted is written once, in its order, also beyond one batch", async () => {
  await using scene = await startScene();
  const { recorder, catalog, clock } = scene;
  const images = ["a", "b"].map((seed) => imageOfSize(seed, 100).manifest);
  for (let at = 0; at < 130; at++) {
    clock.nowMs = 1000 + at;
    for (const image of images) recorder.note(image);
  }

  await recorder.write(recorder.take());
  await recorder.write(recorder.take());

  const { atMs, images: pulled, memberEnds } = await catalog.ask({ kind: "pulls", sinceMs: 0 });
  assert.equal(memberEnds.length, 2);
  assert.deepEqual(
    [...pulled],
    Array.from({ length: 260 }, (_, at) => at % 2),
  );
  assert.deepEqual(
    [...atMs],
    Array.from({ length: 260 }, (_, at) => 1000 + Math.floor(at / 2)),
  );
});

test("pulls of more than thirty days ago go as new ones come", async () => {
  await using scene = await startScene();
  const { recorder, catalog, clock } = scene;
  for (const day of [0, 10, 35]) {
    clock.nowMs = day * dayMs;
    recorder.note(imageOfSize(`${day}`, 100).manifest);
    await recorder.write(recorder.take());
  }

  const { atMs } = await catalog.ask({ kind: "pulls", sinceMs: 0 });
  assert.deepEqual([...atMs], [10 * dayMs, 35 * dayMs]);
});

test("large manifests are not held for long", async () => {
  await using scene = await startScene();
  const { recorder } = scene;
  const { digest: _, ...manifest } = imageOfSize("large", 100).manifest;
  const bytes = Buffer.alloc(4 * 1024 ** 2);

  const full = ["a", "b", "c", "d"].map((seed) => {
    recorder.note({ ...manifest, bytes, digest: imageOfSize(seed, 1).manifest.digest });
    return recorder.isFull;
  });

  assert.deepEqual(full, [false, false, false, true]);
  recorder.take();
  assert.equal(recorder.isFull, false);
});

interface Scene extends AsyncDisposable {
  readonly recorder: PullRecorder;
  readonly catalog: SqliteCatalog;
  readonly clock: { nowMs: number };
}

async function startScene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const { layout } = stack.use(await storageDirectory());
  const catalog = stack.use(await SqliteCatalog.open(layout));
  const budget = ampleBudget(layout, catalog);
  const clock = { nowMs: 0 };
  const { log } = openLog("fatal", false);
  const recorder = new PullRecorder({ catalog, budget, log, now: () => clock.nowMs });
  const owned = stack.move();
  return { recorder, catalog, clock, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
