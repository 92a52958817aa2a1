import assert from "node:assert/strict";
import { test } from "node:test";
import { KillSweep } from "../support/kill-sweep.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";

// Of each thing that each thread does to the disk, one turn: how many there are differs a little from pull to pull. All
// turns: `test/soak`.
const share = 1 / 3;

test("killed in a pull that evicts, the next daemon serves what is right within the bound, whatever was being done to the disk", async (t) => {
  if (!haveAll(t, "strace") || !haveRoot(t)) return;
  await using sweep = await KillSweep.start();
  const turns = await sweep.turns();
  const calls = new Set(turns.map(({ call }) => call));
  const expected = ["openat", "pwritev", "fdatasync", "rename", "fsync", "pwrite64", "unlink"];
  assert.deepEqual(
    expected.filter((call) => !calls.has(call)),
    [],
    `it only calls ${[...calls]}`,
  );

  for (const { thread, call, count } of turns) {
    const nth = Math.ceil(count * share);
    const isKilled = await sweep.killedAt({ thread, call }, nth);
    assert.ok(isKilled, `${thread} did not come to its ${call} number ${nth} of ${count}`);
  }
});
