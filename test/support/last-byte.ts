import assert from "node:assert/strict";
import { FaultProcessScene } from "./fault-process-scene.ts";

const mib = 1024 * 1024;

/** A blob of this size is cut when its last byte is wrong, whole when it is right, and costs little memory. */
export async function assertVerifiedToItsLastByte(sizeBytes: number): Promise<void> {
  await using scene = await FaultProcessScene.start();
  const content = scene.upstream.blob("last byte", sizeBytes);

  const wrong = await scene.pull("flip-last", content);
  const right = await scene.pullWhole("good", content);

  assert.equal(wrong.complete, false);
  assert.equal(right.headers["cache-status"], "sluice; fwd=miss; stored");
  const moreBytes = (await scene.footprint()).peakBytes - scene.idle.peakBytes;
  assert.ok(moreBytes <= 96 * mib, `${Math.round(moreBytes / mib)} MiB more than idle`);
  const { digests } = await scene.assertSound();
  assert.ok(digests.has(content.digest));
}
