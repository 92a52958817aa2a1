import { test } from "node:test";
import { assertModelled } from "../support/modelled-mirror.ts";

const { SLUICE_PROPERTY_SEED: given } = process.env;

// The same each time, so that what fails now did not fail before; and one by chance, to find more.
const seeds = given === undefined ? [1, Date.now() % 2 ** 31] : [Number(given)];

for (const seed of seeds) {
  test(`whatever is done to a mirror and its upstream, each answer is one that is right (seed ${seed})`, async () => {
    // Some hundred operations: seconds.
    await assertModelled({ seed, sequences: 4, operationsLimit: 60 });
  });
}
