import assert from "node:assert/strict";
import { test } from "node:test";
import { killedInEviction } from "../support/evicting-scene.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";

// What changes the disk, and what is done around that, at each turn or where there are hundreds at every seventh. Some ten
// seconds a turn.
const calls: Readonly<Record<string, number>> = {
  pwrite64: 1,
  pwritev: 1,
  fdatasync: 1,
  fsync: 1,
  rename: 1,
  unlink: 1,
  mkdir: 1,
  openat: 1,
  pread64: 1,
  close: 7,
  write: 13,
};

// An eviction of this size has some dozens of each. Whoever waits for its end makes the last four go on, by asking for the
// usage.
const mostTurns = 60;

for (const [call, step] of Object.entries(calls)) {
  test(`killed at each ${call} of an eviction, the next daemon serves what is right within the bound`, async (t) => {
    if (!haveAll(t, "strace") || !haveRoot(t)) return;
    let nth = 1;
    while (nth <= mostTurns && (await killedInEviction(call, nth))) nth += step;
    t.diagnostic(`up to turn ${nth - step}, by ${step}`);
    assert.ok(nth > 1, `nothing calls ${call} any more`);
  });
}
