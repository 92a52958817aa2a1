import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { type Crowd, Crowds } from "../../src/upstream/crowd.ts";
import { eventually } from "../support/eventually.ts";

test("the crowd of one upstream that stalls leaves half of the clients' connections to others, those of two a third", () => {
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

test("a client who has been answered in part is not refused, and counts in the crowd", async () => {
  const crowd = newCrowds(4).of("one.test");
  const more = Promise.withResolvers<void>();
  const reading = Array.from({ length: 4 }, () => crowd.stay(() => more.promise));
  assert.throws(
    () => crowd.enter(),
    /^UpstreamError: one\.test is not asked now: 4 requests wait for it/,
  );
  more.resolve();
  await Promise.all(reading);
  using _waiting = crowd.enter();
  assert.equal(crowd.waiting, 1);
});

test("the client who has waited longest for the rest makes room, as long as a crowd is larger than it may be", async () => {
  let nowMs = 0;
  const crowds = newCrowds(6, () => nowMs);
  const [stalled, beside] = [crowds.of("stalled.test"), crowds.of("beside.test")];
  const ended: string[] = [];
  const read = (crowd: Crowd, name: string): void =>
    void crowd
      .stay(() => Promise.withResolvers<void>().promise)
      .catch((error: unknown) => ended.push(`${name}: ${error}`));
  read(beside, "beside");
  for (const name of ["first", "second", "third", "fourth"]) {
    nowMs += 1;
    read(stalled, name);
  }

  const early = crowds.makeRoom();
  nowMs = 5_001;
  const made = [crowds.makeRoom(), crowds.makeRoom(), crowds.makeRoom()];
  await eventually("they are told", () => ended.length === 1);

  assert.equal(early, false, "what is paused for less may go on");
  assert.deepEqual(made, [true, false, false]);
  assert.deepEqual(
    ended.map((one) => one.split(":")[0]),
    ["first"],
  );
  assert.match(
    ended[0] ?? "",
    /UpstreamError: stalled\.test is not asked now: nothing more has come for 5 s, 4 requests wait for it/,
  );
  assert.deepEqual([stalled.waiting, beside.waiting], [3, 1]);
});

test("a client who waited for the rest and was sent away leaves nothing behind, whatever comes of it", async () => {
  let nowMs = 0;
  const crowd = newCrowds(1, () => nowMs).of("one.test");
  const late = Promise.withResolvers<void>();
  const [one, other] = [crowd.stay(() => late.promise), crowd.stay(() => late.promise)];
  nowMs = 5_000;

  assert.equal(crowd.makeRoom(), true);
  await assert.rejects(one, /^UpstreamError: one\.test is not asked now/);
  late.reject(new Error("too late"));
  await assert.rejects(other, /^Error: too late/);

  assert.deepEqual([crowd.waiting, crowd.refuses], [0, false]);
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

function newCrowds(clients: number, monotonicMs: () => number = () => 0): Crowds {
  const metrics = new Metrics("0.0.0-test");
  return new Crowds({ clients, log: pino({ level: "silent" }), metrics, monotonicMs });
}
