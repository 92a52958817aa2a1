import assert from "node:assert/strict";
import { test } from "node:test";
import { seedOfRun } from "../support/seeded-random.ts";
import { turmoil } from "../support/turmoil.ts";

const minutes = Number(process.env["SLUICE_SOAK_MINUTES"] ?? 10);
const seed = seedOfRun();

test(`every fault at once for ${minutes} minutes: what is served is right, and it holds no more at the end than before (SLUICE_TEST_SEED=${seed})`, async (t) => {
  const report = await turmoil({ seed, durationMs: minutes * 60_000 });

  t.diagnostic(JSON.stringify(report));
  const { memory, upstreamBytes, neededBytes, hits } = report;
  assert.ok(hits > 0);
  assert.ok(upstreamBytes <= 1.1 * neededBytes, `${upstreamBytes} bytes for ${neededBytes}`);
  const { held, residentPeak } = memory;
  assert.ok(held.after <= held.before + 16, `${held.before} to ${held.after} MiB`);
  // What its pod in deploy/kubernetes/base asks for.
  assert.ok(residentPeak < 512, `${residentPeak} MiB`);
});
