import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Ended, runProgram } from "./support/run-program.ts";

const runner = fileURLToPath(new URL("run.ts", import.meta.url));

// The last of them in the file fails in each run, so that not all is well by chance.
const madeUp = `import { test } from "node:test";
for (const name of ["a", "b", "c", "d", "e", "f"]) {
  test(name, () => {
    console.log("ran " + name);
    if (name === "f") throw new Error("as it must");
  });
}
`;

test("the runner runs tests in the order of a seed, and ends with 1 when one of them fails", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "sluice-run-"));
  const file = join(home.path, "made-up.test.mjs");
  await writeFile(file, madeUp);

  const [once, again, other] = await Promise.all(["1", "1", "2"].map((seed) => run(seed, file)));

  assert.deepEqual([once?.code, again?.code, other?.code], [1, 1, 1]);
  assert.deepEqual(orderOf(again), orderOf(once));
  assert.notDeepEqual(orderOf(other), orderOf(once));
  assert.match(once?.stdout ?? "", /ℹ fail 1\n/);
  assert.match(once?.stdout ?? "", /\nThe slowest tests:\n( +\d+\.\d s .*\n){6}\nseed: 1\n$/);
});

test("the runner tells of many runs what failed in each, and by which seed", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "sluice-run-"));
  const file = join(home.path, "made-up.test.mjs");
  await writeFile(file, madeUp);

  const { code, stdout } = await run("7", file, "--runs", "2");

  assert.equal(code, 1);
  const failure = /✖ f \(.*made-up\.test\.mjs:3\)\nError: as it must\n/;
  assert.match(stdout, new RegExp(`${failure.source}[^]*seed 7: 1 failed[^]*${failure.source}`));
  assert.match(stdout, /seed 8: 1 failed\n2 runs: 2 failed\n$/);
});

function run(seed: string, ...args: readonly string[]): Promise<Ended> {
  // It is no part of the run that it is tested in.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return runProgram(process.execPath, [runner, "--seed", seed, ...args], { env });
}

function orderOf(ended: Ended | undefined): string[] {
  return (ended?.stdout ?? "").match(/ran \w/g) ?? [];
}
