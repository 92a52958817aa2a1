import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { FaultProcessScene } from "../support/fault-process-scene.ts";

const mib = 1024 * 1024;

// As serve.ts says it, and what a slow machine takes beyond.
const deadlineMs = 25_000;
const lateMs = 5_000;

test("what has not ended 25 seconds after SIGTERM is cut, and the daemon exits with 0", async () => {
  await using scene = await FaultProcessScene.start();
  const content = scene.upstream.blob("never ends", 2 * mib);
  scene.upstream.hold(content, mib);
  using client = scene.open("good", content);
  await client.when(({ bodyBytes }) => bodyBytes > 0);
  const startMs = performance.now();

  scene.sluice.kill("SIGTERM");
  await eventually("not ready", async () => {
    return (await ask(`${scene.sluice.adminUrl}/readyz`)).status === 503;
  });
  const { complete } = await client.end();
  const cutAfterMs = performance.now() - startMs;

  assert.equal(complete, false);
  assert.ok(cutAfterMs >= deadlineMs && cutAfterMs < deadlineMs + lateMs, `${cutAfterMs} ms`);
  assert.deepEqual(await scene.sluice.exit(), { code: 0, signal: null });
  assert.equal(scene.sluice.stderr, "");
});
