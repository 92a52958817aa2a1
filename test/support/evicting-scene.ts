import assert from "node:assert/strict";
import { ask } from "./ask.ts";
import { eventually } from "./eventually.ts";
import { auditStore } from "./fault-oracles.ts";
import { FaultProcessScene } from "./fault-process-scene.ts";
import { InjectedFaults } from "./injected-faults.ts";
import type { SeededContent } from "./seeded-content.ts";

const mib = 1024 ** 2;
const limitBytes = 40 * mib;

/** A daemon that must evict for the next large blob. */
export async function startEvicting(): Promise<{
  readonly scene: FaultProcessScene;
  readonly contents: readonly SeededContent[];
}> {
  // One thread of the store, so that the turn of a call is the same in each run.
  const env = { UV_THREADPOOL_SIZE: "1" };
  const scene = await FaultProcessScene.start({ env, maxSize: "40MiB" });
  const contents = Array.from({ length: 8 }, (_, at) => scene.upstream.blob(`${at}`, 4 * mib));
  for (const content of contents) await scene.pullWhole("good", content);
  await atRest(scene);
  return { scene, contents };
}

/** A blob for which something must go. */
export function largeBlob(scene: FaultProcessScene, name: string): SeededContent {
  return scene.upstream.blob(name, 12 * mib);
}

/**
 * Kills the daemon at the nth of its calls in an eviction that a pull waits for. The next one serves what is right, and
 * files and rows agree within the bound. Resolves to false if there is no such turn.
 */
export async function killedInEviction(call: string, nth: number): Promise<boolean> {
  const { scene, contents } = await startEvicting();
  await using _scene = scene;
  const large = largeBlob(scene, `killed at ${call} ${nth}`);
  await using strace = await InjectedFaults.attach(scene.sluice.pid, {
    call,
    effect: "signal=SIGKILL",
    nth,
  });
  await scene.pull("good", large);
  const settled = atRest(scene).then(
    () => false,
    () => true,
  );
  const isKilled = (await settled) || !scene.sluice.running;
  if (!isKilled) return false;
  assert.deepEqual(await scene.sluice.exit(), { code: null, signal: "SIGKILL" });
  await strace.end();

  assert.deepEqual((await auditStore(scene.directory)).faults, []);
  await using next = await scene.restart();
  await assertAgreed(next);
  for (const content of [large, ...contents]) await next.pullWhole("good", content);
  await assertAgreed(next);
  await next.assertSound();
  return true;
}

/** Each file has its row, and each row its file. */
export async function assertCounted(scene: FaultProcessScene): Promise<void> {
  await atRest(scene);
  const { faults, digests } = await auditStore(scene.directory);
  assert.deepEqual(faults, []);
  const { blobs, usedBytes } = await storedIn(scene);
  assert.equal(blobs, digests.size);
  assert.ok(usedBytes <= limitBytes, `${usedBytes}`);
}

/** The same, once what the killed one left is swept and adopted. */
async function assertAgreed(scene: FaultProcessScene): Promise<void> {
  // A client has its blob before that is stored, and the audit reads rows after files: what is committed between would seem
  // to have no file.
  await atRest(scene);
  await eventually("files and rows agree, within the bound", async () => {
    const { faults, digests, temporary } = await auditStore(scene.directory);
    assert.deepEqual(faults, []);
    const { blobs, usedBytes } = await storedIn(scene);
    return temporary.length === 0 && blobs === digests.size && usedBytes <= limitBytes;
  });
}

async function atRest(scene: FaultProcessScene): Promise<void> {
  await eventually("no fill runs", async () => (await scene.fillsInFlight()) === 0);
}

async function storedIn(scene: FaultProcessScene): Promise<{ blobs: number; usedBytes: number }> {
  const { bytes } = await ask(`${scene.sluice.adminUrl}/api/v1/stats`);
  return JSON.parse(bytes.toString()).stored;
}
