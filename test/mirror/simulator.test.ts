import assert from "node:assert/strict";
import { test } from "node:test";
import { TestMirror } from "../support/test-mirror.ts";

const request = { maxSizes: null, policies: null, days: null };

// The thread went on for as long as it took, and whoever asked again was told to wait.
test("a client that goes away ends its replay, and makes way for the next", async () => {
  await using mirror = await TestMirror.start({ upstreams: {} });
  const { simulator } = mirror.daemon.mirror;
  const leaving = new AbortController();
  await simulator.simulate(request, leaving.signal);
  // The thread that reads the log stays, so the next that starts is that of the replay; it has not begun to run then.
  const goAway = (): void => void setImmediate(() => leaving.abort(new Error("gone")));

  process.once("worker", goAway);
  await assert.rejects(simulator.simulate(request, leaving.signal), /gone/);

  assert.equal((await simulator.simulate(request, new AbortController().signal))?.pulls, 0);
});
