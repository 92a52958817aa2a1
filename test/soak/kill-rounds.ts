import { test } from "node:test";
import { killRounds } from "../support/kill-rounds.ts";
import { seedOfRun } from "../support/seeded-random.ts";

// Half an hour. `npm run soak`; SLUICE_TEST_SEED repeats a run.
const rounds = Number(process.env["SLUICE_SOAK_ROUNDS"] ?? 500);
const seed = seedOfRun();

test(`after kill -9 at any moment, ${rounds} times over, everything that is served is right (SLUICE_TEST_SEED=${seed})`, async () => {
  await killRounds({ seed, rounds, largestBytes: 64 * 1024 * 1024, longestMs: 1500 });
});
