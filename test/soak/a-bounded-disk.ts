import { test } from "node:test";
import { type BoundedDiskProgress, boundedDisk } from "../support/bounded-disk.ts";
import { seedOfRun } from "../support/seeded-random.ts";

// An hour. SLUICE_TEST_SEED repeats a run.
const durationMs = Number(process.env["SLUICE_SOAK_BOUNDED_MS"] ?? 3_600_000);
const isOver = ({ passedMs }: BoundedDiskProgress): boolean => passedMs > durationMs;
const seed = seedOfRun();

test(`pulls of ten times the bound never take more of the disk than that, and cut nobody (SLUICE_TEST_SEED=${seed})`, async (t) => {
  const report = await boundedDisk({ seed, isOver, limitMib: 200, setBytes: 2 * 1024 ** 3 });
  t.diagnostic(JSON.stringify(report));
});
