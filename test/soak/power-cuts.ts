import { test } from "node:test";
import { killRounds } from "../support/kill-rounds.ts";
import { LoopDisk } from "../support/loop-disk.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import { seedOfRun } from "../support/seeded-random.ts";

// Ten minutes a file system, of which half is pulling everything at the end.
const rounds = Number(process.env["SLUICE_SOAK_ROUNDS"] ?? 100);
const seed = seedOfRun();

for (const kind of ["ext4", "xfs"] as const) {
  test(`after ${rounds} power cuts on ${kind}, everything that is served is right (SLUICE_TEST_SEED=${seed})`, async (t) => {
    if (!haveRoot(t) || !haveAll(t, `mkfs.${kind}`, "xfs_io")) return;
    await using disk = await LoopDisk.make(kind);

    await killRounds({ seed, rounds, largestBytes: 64 * 1024, longestMs: 1500, disk });
  });
}
