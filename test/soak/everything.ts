import assert from "node:assert/strict";
import { test } from "node:test";
import { seedOfRun } from "../support/seeded-random.ts";
import { turmoil } from "../support/turmoil.ts";

const minutes = Number(process.env["SLUICE_SOAK_MINUTES"] ?? 10);
const seed = seedOfRun();

test(`every fault at once for ${minutes} minutes: what is served is right, and memory comes back (SLUICE_TEST_SEED=${seed})`, async (t) => {
  const report = await turmoil({ seed, durationMs: minutes * 60_000 });

  t.diagnostic(JSON.stringify(report));
  const { residentMiB, upstreamBytes, neededBytes, hits } = report;
  assert.ok(hits > 0);
  assert.ok(upstreamBytes <= 1.1 * neededBytes, `${upstreamBytes} bytes for ${neededBytes}`);
  // The heap grows and shrinks by some MiB between two looks.
  assert.ok(
    residentMiB.after <= residentMiB.before + 24,
    `${residentMiB.before} to ${residentMiB.after}`,
  );
  assert.ok(residentMiB.peak < 400, `${residentMiB.peak} MiB at most`);
});
