import { test } from "node:test";
import { killRounds } from "../support/kill-rounds.ts";
import { seedOfRun } from "../support/seeded-random.ts";

const seed = seedOfRun();

test(`after kill -9 at any moment, four times over, everything that is served is right (SLUICE_TEST_SEED=${seed})`, async () => {
  await killRounds({ seed, rounds: 4, largestBytes: 4 * 1024 * 1024, longestMs: 600 });
});
