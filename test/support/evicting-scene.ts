import assert from "node:assert/strict";
import { ask } from "./ask.ts";
import { auditStore } from "./fault-oracles.ts";
import { FaultProcessScene } from "./fault-process-scene.ts";
import type { SeededContent } from "./seeded-content.ts";

const mib = 1024 ** 2;
const limitBytes = 20 * mib;

/** A daemon that must evict for the next large blob. */
export async function startEvicting(): Promise<{
  readonly scene: FaultProcessScene;
  readonly contents: readonly SeededContent[];
}> {
  // One thread of the store, so that the turn of a call is the same in each run.
  const env = { UV_THREADPOOL_SIZE: "1" };
  const scene = await FaultProcessScene.start({ env, maxSize: `${limitBytes / mib}MiB` });
  const contents = Array.from({ length: 8 }, (_, at) => scene.upstream.blob(`${at}`, 2 * mib));
  for (const content of contents) await scene.pullWhole("good", content);
  await scene.atRest();
  return { scene, contents };
}

/** A blob for which something must go. */
export function largeBlob(scene: FaultProcessScene, name: string): SeededContent {
  return scene.upstream.blob(name, 6 * mib);
}

/** Each file has its row, and each row its file. */
export async function assertCounted(scene: FaultProcessScene): Promise<void> {
  await scene.atRest();
  const { faults, digests } = await auditStore(scene.directory);
  assert.deepEqual(faults, []);
  const { blobs, usedBytes } = await storedIn(scene);
  assert.equal(blobs, digests.size);
  assert.ok(usedBytes <= limitBytes, `${usedBytes}`);
}

async function storedIn(scene: FaultProcessScene): Promise<{ blobs: number; usedBytes: number }> {
  const { bytes } = await ask(`${scene.sluice.adminUrl}/api/v1/stats`);
  return JSON.parse(bytes.toString()).stored;
}
