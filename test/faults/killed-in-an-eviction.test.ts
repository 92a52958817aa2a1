import assert from "node:assert/strict";
import { test } from "node:test";
import { KillSweep } from "../support/kill-sweep.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";

// Of each thing that each thread does to the disk, one turn: how many there are differs a little from pull to pull. All
// turns: `test/soak`.
const share = 1 / 3;

/** What changes content, its name or its row; between these a kill finds what it found before. */
const essential = ["openat", "pwritev", "fdatasync", "rename", "fsync", "pwrite64", "unlink"];

test("killed in a pull that evicts, at a start behind a kill, or at a stop, the next daemon serves what is right within the bound, whatever was being done to the disk", async (t) => {
  if (!haveAll(t, "strace") || !haveRoot(t)) return;
  await using sweep = await KillSweep.start();
  const turns = await sweep.turns();
  const called = new Set(turns.map(({ call }) => call));
  const missing = essential.filter((call) => !called.has(call));
  assert.deepEqual(missing, [], `it only calls ${[...called]}`);

  for (const { thread, call, count } of turns.filter(({ call }) => essential.includes(call))) {
    const nth = Math.ceil(count * share);
    const isKilled = await sweep.killedAt({ thread, call }, nth);
    assert.ok(isKilled, `${thread} did not come to its ${call} number ${nth} of ${count}`);
  }
  assert.ok(await sweep.killedAtStart("unlink", 1), "nothing was swept");
  assert.ok(await sweep.killedAtStop("pwrite64", 2), "the catalog's log was not emptied");
});
