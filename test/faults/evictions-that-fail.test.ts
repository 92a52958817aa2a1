import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { assertCounted, largeBlob, startEvicting } from "../support/evicting-scene.ts";
import { temporaryIn } from "../support/fault-oracles.ts";
import type { FaultProcessScene } from "../support/fault-process-scene.ts";
import { InjectedFaults } from "../support/injected-faults.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import { SeededRandom, seedOfRun } from "../support/seeded-random.ts";
import { runSluice } from "../support/sluice-process.ts";

/**
 * What the store, SQLite and the thread that chooses call, and how that can fail. First what that thread needs to start,
 * which it does with the first eviction; libuv then reads /proc/self/cgroup, and ends the process if that cannot be closed.
 */
const failures: Readonly<Record<string, readonly string[]>> = {
  openat: ["EMFILE", "EROFS", "EIO", "ENOSPC"],
  rename: ["EIO", "EROFS", "ENOSPC"],
  unlink: ["EIO", "EROFS"],
  pwrite64: ["EIO", "ENOSPC", "EDQUOT"],
  fdatasync: ["EIO", "ENOSPC"],
  close: ["EIO"],
};

// What a call is made for first: to choose, to write rows, to remove files.
const mostTurns = 3;

const seed = seedOfRun();

test(`an eviction whose system calls fail fails no pull, and leaves nothing on the disk that is not counted (SLUICE_TEST_SEED=${seed})`, async (t) => {
  if (!canTrace(t)) return;
  const { scene } = await startEvicting();
  await using _scene = scene;
  for (const [call, errors] of Object.entries(failures)) {
    await t.test(call, async (one) => {
      const hits = await failInTurn(scene, call, errors);
      one.diagnostic(`${hits} calls were made to fail`);
      assert.ok(hits > 0, `nothing calls ${call} any more`);
      await scene.pullWhole("good", largeBlob(scene, `after ${call}`));
      await assertCounted(scene);
      await assertSwept(scene);
    });
  }
});

/** Each error and each turn; which of them meet, the seed decides. Resolves to how many calls have failed. */
async function failInTurn(
  scene: FaultProcessScene,
  call: string,
  errors: readonly string[],
): Promise<number> {
  const shuffled = new SeededRandom(seed).shuffle(errors);
  let hits = 0;
  for (let at = 0; at < Math.max(mostTurns, errors.length); at++) {
    const error = shuffled[at % errors.length];
    const nth = (at % mostTurns) + 1;
    const large = largeBlob(scene, `${call} fails ${error} ${nth}`);
    const injection = { call, effect: `error=${error}`, nth };
    await using strace = await InjectedFaults.attach(scene.sluice.pid, injection);

    await scene.pullWhole("good", large);
    await scene.atRest();
    hits += (await strace.detach()).length;

    await assertCounted(scene);
  }
  return hits;
}

/** What could not be removed goes with the next eviction, though that be one for which nothing else must go. */
async function assertSwept(scene: FaultProcessScene): Promise<void> {
  const { configFile } = scene.sluice;
  const { code, stderr } = await runSluice(["evict", "--to", "1GiB", "--config", configFile]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(await temporaryIn(scene.directory), []);
}

function canTrace(t: TestContext): boolean {
  return haveAll(t, "strace") && haveRoot(t);
}
