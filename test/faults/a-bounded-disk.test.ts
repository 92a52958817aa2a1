import assert from "node:assert/strict";
import { test } from "node:test";
import { boundedDisk } from "../support/bounded-disk.ts";
import { seedOfRun } from "../support/seeded-random.ts";

const seed = seedOfRun();
const durationMs = Number(process.env["SLUICE_TEST_BOUNDED_MS"] ?? 60_000);

test(`pulls of ten times the bound never take more of the disk than that, and cut nobody (SLUICE_TEST_SEED=${seed})`, async (t) => {
  const report = await boundedDisk({ seed, durationMs, setBytes: 2 * 1024 ** 3 });

  t.diagnostic(JSON.stringify(report));
  assert.ok(report.evicted > 0, "nothing was evicted");
  assert.ok(report.slow > 0, "nobody was slow");
});
