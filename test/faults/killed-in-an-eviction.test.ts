import assert from "node:assert/strict";
import { test } from "node:test";
import { KillSweep } from "../support/kill-sweep.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import { SeededRandom, seedOfRun } from "../support/seeded-random.ts";

const seed = seedOfRun();

// Of each thing that is done to the disk, one turn of one thread, which the seed decides: how many there are differs a
// little from pull to pull. All turns of all threads: `test/soak`.
const share = 1 / 3;

/** What changes content, its name or its row; between these a kill finds what it found before. */
const essential = ["openat", "pwritev", "fdatasync", "rename", "fsync", "pwrite64", "unlink"];

test(`killed in a pull that evicts, at a start behind a kill, or at a stop, the next daemon serves what is right within the bound, whatever was being done to the disk (SLUICE_TEST_SEED=${seed})`, async (t) => {
  if (!haveAll(t, "strace") || !haveRoot(t)) return;
  await using sweep = await KillSweep.start();
  const turns = await sweep.turns();
  const called = new Set(turns.map(({ call }) => call));
  const missing = essential.filter((call) => !called.has(call));
  assert.deepEqual(missing, [], `it only calls ${[...called]}`);

  const random = new SeededRandom(seed);
  for (const one of essential) {
    const { thread, call, count } = random.pick(turns.filter(({ call }) => call === one));
    const nth = Math.ceil(count * share);
    const isKilled = await sweep.killedAt({ thread, call }, nth);
    assert.ok(isKilled, `${thread} did not come to its ${call} number ${nth} of ${count}`);
  }
  assert.ok(await sweep.killedAtStart("unlink", 1), "nothing was swept");
  assert.ok(await sweep.killedAtStop("pwrite64", 2), "the catalog's log was not emptied");
});
