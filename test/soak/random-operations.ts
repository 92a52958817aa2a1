import { enableCompileCache } from "node:module";
import { test } from "node:test";
import { assertModelled } from "../support/modelled-mirror.ts";

const { SLUICE_PROPERTY_SEED: given, SLUICE_MODEL_SEQUENCES: sequences = "1000" } = process.env;
const seed = given === undefined ? Date.now() % 2 ** 31 : Number(given);

// Half of the time goes by with threads that begin: those of each restart and of each first eviction. They inherit it.
const { directory } = enableCompileCache();
if (directory !== undefined) process.env["NODE_COMPILE_CACHE"] = directory;

test(`in a hundred thousand operations each answer is one that is right (seed ${seed})`, async () => {
  // Half of them on average; a quarter of an hour in all, on a machine that does nothing else.
  await assertModelled({ seed, sequences: Number(sequences), operationsLimit: 200 });
});
