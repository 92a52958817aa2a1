import assert from "node:assert/strict";
import { test } from "node:test";
import { type BoundedDiskProgress, boundedDisk } from "../support/bounded-disk.ts";
import { seedOfRun } from "../support/seeded-random.ts";

const seed = seedOfRun();

// By then they have brought many times the bound; the soak goes on for an hour.
const isOver = ({ pulls, slow }: BoundedDiskProgress): boolean => pulls >= 125 && slow >= 5;

test(`pulls of five times the bound never take more of the disk than that, and cut nobody (SLUICE_TEST_SEED=${seed})`, async (t) => {
  const report = await boundedDisk({ seed, isOver, limitMib: 100, setBytes: 512 * 1024 ** 2 });

  t.diagnostic(JSON.stringify(report));
  assert.ok(report.evicted > 0, "nothing was evicted");
});
