import assert from "node:assert/strict";
import { test } from "node:test";
import { KillSweep } from "../support/kill-sweep.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";

// Some two hundred turns, of some seconds each. None is made so often by one thread in one pull.
const mostTurns = 400;

test("killed at any call that changes the disk in a pull that evicts, the next daemon serves what is right within the bound", async (t) => {
  if (!haveAll(t, "strace") || !haveRoot(t)) return;
  await using sweep = await KillSweep.start();
  const turns = await sweep.turns();
  assert.ok(turns.length > 0, "nothing is done to the disk");

  // One after the other, each a test of its own, so that one sees how far it is.
  for (const { thread, call, count } of turns) {
    await t.test(`${thread}: each ${call}, ${count} or so`, async (kind) => {
      let nth = 1;
      while (await sweep.killedAt({ thread, call }, nth)) {
        nth++;
        assert.ok(nth <= mostTurns, `${thread} calls ${call} without end`);
      }
      kind.diagnostic(`killed at ${nth - 1} turns`);
      assert.ok(nth > 1, `${thread} calls ${call} no more`);
    });
  }
});
