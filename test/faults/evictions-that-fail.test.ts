import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { auditStore } from "../support/fault-oracles.ts";
import { FaultProcessScene } from "../support/fault-process-scene.ts";
import { InjectedFaults } from "../support/injected-faults.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import type { SeededContent } from "../support/seeded-content.ts";

const mib = 1024 ** 2;
const maxSize = "40MiB";
const limitBytes = 40 * mib;

// One thread of the store, so that the turn of a call is the same in each run.
const env = { UV_THREADPOOL_SIZE: "1" };

/** Of an eviction that a pull waits for: its rows, its files, then the pull's own. */
const turns: readonly (readonly [call: string, nth: number])[] = [
  ["pwrite64", 1],
  ["pwrite64", 2],
  ["pwrite64", 5],
  ["rename", 1],
  ["rename", 2],
  ["rename", 3],
  ["unlink", 1],
  ["unlink", 2],
  ["fdatasync", 1],
];

for (const [call, nth] of turns) {
  test(`killed at the ${call} number ${nth} of an eviction, the next daemon serves what is right within the bound`, async (t) => {
    if (!canTrace(t)) return;
    await using scene = await FaultProcessScene.start({ env, maxSize });
    const contents = await fill(scene);
    const large = scene.upstream.blob(`killed at ${call} ${nth}`, 12 * mib);
    await using strace = await InjectedFaults.attach(scene.sluice.pid, {
      call,
      effect: "signal=SIGKILL",
      nth,
    });

    await scene.pull("good", large);
    assert.deepEqual(await scene.sluice.exit(), { code: null, signal: "SIGKILL" });
    await strace.end();

    assert.deepEqual((await auditStore(scene.directory)).faults, []);
    await using next = await scene.restart();
    await assertAgreed(next);
    for (const content of [large, ...contents]) await next.pullWhole("good", content);
    await assertAgreed(next);
    await next.assertSound();
  });
}

for (const [call, error] of [
  ["rename", "EIO"],
  ["unlink", "EIO"],
  ["pwrite64", "EIO"],
] as const) {
  test(`an eviction whose ${call} fails with ${error} fails no pull, and leaves nothing that does not count`, async (t) => {
    if (!canTrace(t)) return;
    await using scene = await FaultProcessScene.start({ env, maxSize });
    await fill(scene);
    for (let nth = 1; nth <= 4; nth++) {
      const large = scene.upstream.blob(`${call} fails ${nth}`, 12 * mib);
      await using strace = await InjectedFaults.attach(scene.sluice.pid, {
        call,
        effect: `error=${error}`,
        nth,
      });

      await scene.pullWhole("good", large);
      const calls = await strace.detach();

      t.diagnostic(`${calls.length} calls were made to fail`);
      await assertCounted(scene);
    }
    await scene.pullWhole("good", scene.upstream.blob(`after ${call}`, 12 * mib));
    await assertCounted(scene);
  });
}

/** As much as fits, almost. */
async function fill(scene: FaultProcessScene): Promise<SeededContent[]> {
  const contents = Array.from({ length: 8 }, (_, at) => scene.upstream.blob(`${at}`, 4 * mib));
  for (const content of contents) await scene.pullWhole("good", content);
  await eventually("no fill runs", async () => (await scene.fillsInFlight()) === 0);
  return contents;
}

/** Each file has its row, and each row its file. */
async function assertCounted(scene: FaultProcessScene): Promise<void> {
  await eventually("no fill runs", async () => (await scene.fillsInFlight()) === 0);
  const { faults, digests } = await auditStore(scene.directory);
  assert.deepEqual(faults, []);
  const { blobs, usedBytes } = await storedIn(scene);
  assert.equal(blobs, digests.size);
  assert.ok(usedBytes <= limitBytes, `${usedBytes}`);
}

/** The same, once what the killed one left is swept and adopted. */
async function assertAgreed(scene: FaultProcessScene): Promise<void> {
  await eventually("files and rows agree, within the bound", async () => {
    const { faults, digests, temporary } = await auditStore(scene.directory);
    assert.deepEqual(faults, []);
    const { blobs, usedBytes } = await storedIn(scene);
    return temporary.length === 0 && blobs === digests.size && usedBytes <= limitBytes;
  });
}

async function storedIn(scene: FaultProcessScene): Promise<{ blobs: number; usedBytes: number }> {
  const { bytes } = await ask(`${scene.sluice.adminUrl}/api/v1/stats`);
  return JSON.parse(bytes.toString()).stored;
}

function canTrace(t: TestContext): boolean {
  return haveAll(t, "strace") && haveRoot(t);
}
