import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Health } from "../../src/telemetry/health.ts";

test("the daemon is ready if every check passes now, and each that fails is a reason", async () => {
  const failing = new Set<string>();
  const checks = ["the catalog", "the disk"].map((name) => ({
    name,
    check: async () => {
      if (failing.has(name)) throw new Error("it broke");
    },
  }));
  const health = new Health(checks);

  assert.deepEqual(await health.readiness(), { ready: true, reasons: [] });
  failing.add("the disk");
  assert.deepEqual(await health.readiness(), {
    ready: false,
    reasons: ["the disk fails: it broke"],
  });
  failing.add("the catalog");
  assert.equal((await health.readiness()).reasons.length, 2);
  failing.clear();
  assert.deepEqual(await health.readiness(), { ready: true, reasons: [] });
});

test("a check that hangs fails after two seconds, whoever asks", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const health = new Health([{ name: "the disk", check: () => new Promise(() => {}) }]);

  let answered = 0;
  const asked = [health.readiness(), health.readiness()];
  for (const readiness of asked) void readiness.then(() => answered++);
  t.mock.timers.tick(1_999);
  await nextTurn();
  assert.equal(answered, 0);

  t.mock.timers.tick(1);
  for (const readiness of await Promise.all(asked)) {
    assert.deepEqual(readiness, { ready: false, reasons: ["the disk does not answer"] });
  }
});

test("a daemon that stops is not ready, and asks none of its checks", async () => {
  let asked = 0;
  const check = async (): Promise<void> => void asked++;
  const health = new Health([{ name: "the catalog", check }]);

  health.drain();

  assert.deepEqual(await health.readiness(), { ready: false, reasons: ["it is stopping"] });
  assert.equal(asked, 0);
});
