import assert from "node:assert/strict";
import { test } from "node:test";
import { KillSweep } from "../support/kill-sweep.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";

// Some dozens of each, of some seconds each.
const mostTurns = 200;

const kinds = {
  "killed at any call of a start behind a kill": {
    calls: ["openat", "pwrite64", "ftruncate", "fsync", "unlink", "unlinkat", "rmdir", "rename"],
    essential: ["openat", "pwrite64", "unlink"],
    killed: (sweep: KillSweep, call: string, nth: number) => sweep.killedAtStart(call, nth),
  },
  "killed at any call of a stop, which empties the catalog's log": {
    calls: ["pwrite64", "ftruncate", "fsync", "unlink"],
    essential: ["pwrite64", "ftruncate", "fsync", "unlink"],
    killed: (sweep: KillSweep, call: string, nth: number) => sweep.killedAtStop(call, nth),
  },
} as const;

for (const [name, { calls, essential, killed }] of Object.entries(kinds)) {
  test(`${name}, the next daemon serves what is right within the bound`, async (t) => {
    if (!haveAll(t, "strace") || !haveRoot(t)) return;
    await using sweep = await KillSweep.start();
    const made: string[] = [];
    for (const call of calls) {
      await t.test(`each ${call}`, async (kind) => {
        let nth = 1;
        while (await killed(sweep, call, nth)) {
          nth++;
          assert.ok(nth <= mostTurns, `${call} is called without end`);
        }
        kind.diagnostic(`killed at ${nth - 1} turns`);
        if (nth > 1) made.push(call);
      });
    }
    const missing = essential.filter((call) => !made.includes(call));
    assert.deepEqual(missing, [], `it only calls ${made}`);
  });
}
