import { test } from "node:test";
import { assertModelled } from "../support/modelled-mirror.ts";

const { SLUICE_PROPERTY_SEED: given, SLUICE_MODEL_SEQUENCES: sequences = "1000" } = process.env;
const seed = given === undefined ? Date.now() % 2 ** 31 : Number(given);

test(`in a hundred thousand operations each answer is one that is right (seed ${seed})`, async () => {
  // Half of them on average; an hour and a half in all.
  await assertModelled({ seed, sequences: Number(sequences), operationsLimit: 200 });
});
