import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { type Crowd, Crowds } from "../../src/upstream/crowd.ts";

test("one upstream that stalls leaves half of the connections, two leave a third", () => {
  const crowds = newCrowds(30);
  assert.equal(fill(crowds.of("one.test")), 15);
  assert.equal(fill(crowds.of("two.test")), 8);
  const all = newCrowds(30);
  const [one, two] = [all.of("one.test"), all.of("two.test")];
  for (let turn = 0; turn < 10; turn++) {
    one.enter();
    two.enter();
  }
  assert.deepEqual([fill(one), fill(two), all.waiting], [0, 0, 20]);
});

test("who has been answered in part is not sent away, and counts", () => {
  const crowd = newCrowds(4).of("one.test");
  const reading = Array.from({ length: 4 }, () => crowd.stay());
  assert.throws(
    () => crowd.enter(),
    /^UpstreamError: one\.test is not asked now: 4 requests wait for it/,
  );
  for (const one of reading) one[Symbol.dispose]();
  using _waiting = crowd.enter();
  assert.equal(crowd.waiting, 1);
});

test("a mirror that has a connection left serves one that waits", () => {
  const crowd = newCrowds(1).of("one.test");
  using _waiting = crowd.enter();
  assert.throws(() => crowd.enter());
});

test("that too many wait is over when half of them are left, and told", () => {
  const lines: Record<string, unknown>[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const metrics = new Metrics("0.0.0-test");
  const crowd = new Crowds({ clients: 8, log, metrics, monotonicMs: () => 0 }).of("one.test");
  const waiting = Array.from({ length: 4 }, () => crowd.enter());
  for (let turn = 0; turn < 2; turn++) assert.throws(() => crowd.enter());
  waiting.pop()?.[Symbol.dispose]();
  assert.equal(crowd.refuses, true);
  waiting.pop()?.[Symbol.dispose]();
  assert.equal(crowd.refuses, false);
  assert.deepEqual(
    lines.map(({ scarce, refused = null }) => [scarce, refused]),
    [
      ["clients", null],
      ["clients", 2],
    ],
  );
});

/** Until no more are let in; how many were. */
function fill(crowd: Crowd): number {
  for (let entered = 0; ; entered++) {
    try {
      crowd.enter();
    } catch {
      return entered;
    }
  }
}

function newCrowds(clients: number): Crowds {
  const metrics = new Metrics("0.0.0-test");
  return new Crowds({ clients, log: pino({ level: "silent" }), metrics, monotonicMs: () => 0 });
}
