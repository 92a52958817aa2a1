import assert from "node:assert/strict";
import { test } from "node:test";
import { CatalogPressure, type PressureReport } from "../support/catalog-pressure.ts";
import { haveAll } from "../support/real-program.ts";
import { seedOfRun } from "../support/seeded-random.ts";

const minutes = Number(process.env["SLUICE_SOAK_PRESSURE_MINUTES"] ?? 10);
const durationMs = minutes * 60_000;
const seed = seedOfRun();

// What `Catalog.isLogLong` promises.
const longestLogBytes = 64 * 1024 ** 2;

test(`another process reads an old catalog for ${minutes} minutes, others write to it: pulls do not wait (SLUICE_TEST_SEED=${seed})`, async (t) => {
  await using pressure = await CatalogPressure.start({ seed, syncDelayMs: 0 });

  {
    await using _reader = await pressure.holdSnapshot();
    await pressure.pullFor(durationMs / 2, "nothing else");
    await pressure.pullFor(durationMs / 2, "another process writes");
  }

  await pressure.assertBooks();
  const report = await pressure.report();
  t.diagnostic(JSON.stringify(report));
  assertNobodyWaits(report);
  if (minutes >= 10) assert.ok(report.evicted > 0);
});

test(`each sync takes half a second for ${minutes / 5} minutes while another process reads an old catalog: pulls do not wait (SLUICE_TEST_SEED=${seed})`, async (t) => {
  if (!haveAll(t, "strace")) return;
  await using pressure = await CatalogPressure.start({ seed, syncDelayMs: 500 });

  {
    await using _reader = await pressure.holdSnapshot();
    await pressure.pullFor(durationMs / 5, "nothing else");
  }

  await pressure.assertBooks();
  const report = await pressure.report();
  t.diagnostic(JSON.stringify(report));
  assertNobodyWaits(report);
});

function assertNobodyWaits({ logBytes, loopLagP99, latencies }: PressureReport): void {
  assert.ok(logBytes > 0 && logBytes <= longestLogBytes, `${logBytes}`);
  assert.ok(loopLagP99 < 100, `${loopLagP99} ms`);
  for (const [during, { p99 }] of Object.entries(latencies)) {
    assert.ok(p99 < 250, `${during}: ${p99} ms`);
  }
}
