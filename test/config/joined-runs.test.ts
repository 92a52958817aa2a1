import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { JoinedRuns } from "../../src/config/joined-runs.ts";

test("whoever asks for a run while one goes on gets one that begins then, and all of them the same", async () => {
  const begun: PromiseWithResolvers<void>[] = [];
  const runs = new JoinedRuns(() => {
    const run = Promise.withResolvers<void>();
    begun.push(run);
    return run.promise;
  });

  const first = runs.run();
  await nextTurn();
  const later = [runs.run(), runs.run()];
  await nextTurn();
  assert.equal(begun.length, 1);
  assert.equal(runs.isAwaited, true);

  begun[0]?.resolve();
  await first;
  await nextTurn();
  assert.equal(begun.length, 2);
  assert.equal(runs.isAwaited, false);

  begun[1]?.resolve();
  await Promise.all(later);
  assert.equal(begun.length, 2);
});
