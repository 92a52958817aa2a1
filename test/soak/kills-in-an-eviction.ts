import assert from "node:assert/strict";
import { test } from "node:test";
import { killedInEviction } from "../support/evicting-scene.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";

// What changes the disk, and what is done around that. Some ten seconds a turn.
const calls = [
  "pwrite64",
  "pwritev",
  "fdatasync",
  "fsync",
  "rename",
  "unlink",
  "openat",
  "pread64",
];

// An eviction of this size has some dozens of each. Whoever waits for its end makes the last two go on, by asking for the
// usage.
const mostTurns = 60;

for (const call of calls) {
  test(`killed at each ${call} of an eviction, the next daemon serves what is right within the bound`, async (t) => {
    if (!haveAll(t, "strace") || !haveRoot(t)) return;
    let nth = 1;
    while (nth <= mostTurns && (await killedInEviction(call, nth))) nth++;
    t.diagnostic(`${nth - 1} turns`);
    assert.ok(nth > 1, `nothing calls ${call} any more`);
  });
}
