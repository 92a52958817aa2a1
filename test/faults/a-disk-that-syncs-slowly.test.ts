import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultProcessScene } from "../support/fault-process-scene.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import { TracedCalls } from "../support/traced-calls.ts";

const calls = "fsync,fdatasync";

// Longer than anything else here takes; nobody waits for its end, for strace is let go of before.
const delay = `${calls}:delay_enter=60000000`;

// Each of them took one of the four threads that Node has for files, and the hit waited for the disk with them.
test("while the disk takes its time to sync new content, what is stored is served", async (t) => {
  if (!haveAll(t, "strace") || !haveRoot(t)) return;
  await using scene = await FaultProcessScene.start();
  const stored = scene.upstream.blob("stored", 100_000);
  await scene.pullWhole("good", stored);
  await scene.atRest();
  await using strace = await TracedCalls.attach(scene.sluice.pid, calls, delay);

  const fresh = Array.from({ length: 8 }, (_, at) => scene.upstream.blob(`fresh ${at}`, 10_000));
  for (const content of fresh) await scene.pullWhole("good", content);
  const hit = await scene.pullWhole("good", stored);

  assert.equal(hit.headers["cache-status"], "sluice; hit");
  const over = (await strace.detach()).filter((line) => line.includes("DELAYED"));
  assert.deepEqual(over, []);
});
