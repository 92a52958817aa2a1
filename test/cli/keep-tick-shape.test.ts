import assert from "node:assert/strict";
import { createHook } from "node:async_hooks";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { keepTickShape } from "../../src/cli/keep-tick-shape.ts";

test("what was queued once for nextTick outlives collections of garbage", async () => {
  const queued = queuedBy(keepTickShape);
  const queuedByOthers = queuedBy(() => process.nextTick(() => {}));

  // What has a WeakRef lives on for the turn of the loop in which that was made.
  await setImmediate();
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();

  assert.equal(queuedByOthers?.deref(), undefined);
  assert.notEqual(queued?.deref(), undefined);
});

function queuedBy(work: () => void): WeakRef<object> | undefined {
  const ticks: WeakRef<object>[] = [];
  const hook = createHook({
    init(_id, type, _trigger, tick) {
      if (type === "TickObject") ticks.push(new WeakRef(tick));
    },
  });
  hook.enable();
  work();
  hook.disable();
  return ticks[0];
}
