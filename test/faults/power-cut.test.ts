import { test } from "node:test";
import { killRounds } from "../support/kill-rounds.ts";
import { LoopDisk } from "../support/loop-disk.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import { seedOfRun } from "../support/seeded-random.ts";

const seed = seedOfRun();

for (const kind of ["ext4", "xfs"] as const) {
  test(`after 3 power cuts on ${kind}, everything that is served is right (SLUICE_TEST_SEED=${seed})`, async (t) => {
    if (!haveRoot(t) || !haveAll(t, `mkfs.${kind}`, "xfs_io")) return;
    await using disk = await LoopDisk.make(kind);

    await killRounds({ seed, rounds: 3, largestBytes: 4 * 1024 * 1024, longestMs: 600, disk });
  });
}
