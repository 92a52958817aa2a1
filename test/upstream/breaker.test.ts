import assert from "node:assert/strict";
import { test } from "node:test";
import { Breaker, type Permit, type Trouble } from "../../src/upstream/endpoints/breaker.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const grave: Trouble = { severity: "grave", reason: "no connection", retryAfterMs: 0 };
const slight: Trouble = { severity: "slight", reason: "status 500", retryAfterMs: 0 };

test("an endpoint that answers is asked, by any number at once", () => {
  const { breaker } = newLab();

  const permits = Array.from({ length: 100 }, () => entered(breaker));

  for (const permit of permits) {
    assert.equal(permit.isProbe, false);
    permit.answered();
  }
  assert.equal(breaker.state.kind, "closed");
  assert.equal(breaker.health, 1);
});

test("a breaker opens after two grave failures in a row, and not before", () => {
  const { breaker } = newLab();

  fail(breaker, grave);
  assert.equal(breaker.state.kind, "closed");
  fail(breaker, grave);

  assert.equal(breaker.state.kind, "open");
  assert.equal(breaker.enter(), null);
});

test("after four slight failures in a row, and not before, one request may find out whether an endpoint fails with everything", () => {
  const { breaker } = newLab();

  for (let failure = 1; failure < 4; failure++) fail(breaker, slight);
  assert.equal(breaker.doubt(), null);
  fail(breaker, slight);

  assert.equal(breaker.state.kind, "closed");
  const doubt = doubted(breaker);
  assert.equal(breaker.doubt(), null, "one at a time");
  assert.ok(breaker.enter(), "meanwhile it is asked");
  doubt.failed(slight);
  assert.equal(breaker.state.kind, "open");
});

test("questions with which an endpoint fails though it is well never open its breaker, however many", () => {
  const { breaker } = newLab();
  for (let turn = 0; turn < 1000; turn++) {
    fail(breaker, slight);
    breaker.doubt()?.answered();
    assert.equal(breaker.state.kind, "closed");
  }
});

test("a doubt whether an endpoint is well stays until something is learned of it, or time has settled it", () => {
  const { breaker, clock } = newLab();
  for (let failure = 0; failure < 4; failure++) fail(breaker, slight);

  doubted(breaker).abandoned();
  const again = doubted(breaker);
  clock.nowMs += 30_000;
  again.failed(slight);
  assert.equal(breaker.state.kind, "closed", "time has passed: one failure is none too many");

  clock.nowMs += 30_000;
  assert.equal(breaker.doubt(), null);
});

test("what is found out about a doubt changes nothing when the breaker has opened meanwhile", () => {
  const { breaker } = newLab();
  for (let failure = 0; failure < 4; failure++) fail(breaker, slight);
  const doubt = doubted(breaker);
  fail(breaker, grave);
  const { state } = breaker;

  doubt.answered();

  assert.equal(state.kind, "open");
  assert.equal(breaker.state, state);
});

test("an endpoint that fails every other time is never left alone, and asked in its place", () => {
  const { breaker } = newLab();

  for (let turn = 0; turn < 1000; turn++) {
    fail(breaker, slight);
    answer(breaker);
    assert.equal(breaker.state.kind, "closed");
    assert.ok(!breaker.isAiling);
  }
});

test("an endpoint that fails three times of four is in doubt", () => {
  const { breaker } = newLab();

  for (let turn = 0; turn < 4; turn++) {
    answer(breaker);
    for (let failure = 0; failure < 3; failure++) fail(breaker, slight);
  }

  assert.ok(breaker.doubt());
});

test("failures of an endpoint that lie far apart do not add up", () => {
  const { breaker, clock } = newLab();

  for (let turn = 0; turn < 100; turn++) {
    fail(breaker, grave);
    clock.nowMs += 60_000;
  }

  assert.equal(breaker.state.kind, "closed");
});

test("an endpoint that has failed is asked after others until it has answered, or time has passed", () => {
  const { breaker, clock } = newLab();
  fail(breaker, grave);
  assert.ok(breaker.isAiling);

  answer(breaker);
  assert.ok(!breaker.isAiling);

  fail(breaker, grave);
  assert.ok(breaker.isAiling);
  clock.nowMs += 10_000;
  assert.ok(!breaker.isAiling);
});

test("a failure within an answer that had begun counts as well", () => {
  const { breaker } = newLab();

  breaker.noteFailure(grave);
  breaker.noteFailure(grave);

  assert.equal(breaker.state.kind, "open");
  breaker.noteFailure(grave);
  assert.equal(breaker.state.kind, "open");
});

test("when a breaker's pause is over exactly one request probes", () => {
  const { breaker, clock } = newLab();
  open(breaker);

  clock.nowMs += 999;
  assert.equal(breaker.enter(), null);
  clock.nowMs += 1;
  const probe = entered(breaker);

  assert.equal(probe.isProbe, true);
  assert.equal(breaker.state.kind, "half-open");
  for (let turn = 0; turn < 100; turn++) assert.equal(breaker.enter(), null);
});

test("a probe that is answered closes a breaker, on probation: the next grave failure opens it for longer", () => {
  const { breaker, clock } = newLab();
  open(breaker);
  clock.nowMs += 1_000;

  entered(breaker).answered();
  assert.equal(breaker.state.kind, "closed");
  assert.ok(!breaker.isAiling, "it has its place back");
  fail(breaker, grave);

  assert.equal(pauseOf(breaker, clock), 2_000);
});

test("a probe that fails opens a breaker for twice as long, up to eight seconds", () => {
  const { breaker, clock } = newLab();
  const sinceMs = clock.nowMs;
  open(breaker);

  const pauses: number[] = [];
  for (let turn = 0; turn < 6; turn++) {
    const pauseMs = pauseOf(breaker, clock);
    pauses.push(pauseMs);
    clock.nowMs += pauseMs;
    fail(breaker, { ...slight, reason: `probe ${turn}` });
  }

  assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
  assert.ok(breaker.state.kind === "open" && breaker.state.sinceMs === sinceMs);
  assert.equal(breaker.state.reason, "probe 5");
});

test("after enough answers the next outage begins with a short pause", () => {
  const { breaker, clock } = newLab();
  open(breaker);
  for (let turn = 0; turn < 5; turn++) {
    clock.nowMs += 10_000;
    fail(breaker, grave);
  }
  clock.nowMs += 10_000;
  entered(breaker).answered();

  for (let turn = 0; turn < 3; turn++) answer(breaker);
  open(breaker);

  assert.equal(pauseOf(breaker, clock), 1_000);
});

test("a probe whose asker went away leaves the next one to probe at once", () => {
  const { breaker, clock } = newLab();
  open(breaker);
  clock.nowMs += 1_000;

  entered(breaker).abandoned();

  assert.equal(entered(breaker).isProbe, true);
});

test("an endpoint that asks for longer is left alone for longer", () => {
  const { breaker, clock } = newLab();

  fail(breaker, grave);
  fail(breaker, { ...grave, retryAfterMs: 60_000 });

  assert.equal(pauseOf(breaker, clock), 60_000);
});

test("what comes of a question that was asked before a breaker opened changes nothing afterwards", () => {
  const { breaker, clock } = newLab();
  const early = Array.from({ length: 4 }, () => entered(breaker));
  open(breaker);
  const { state } = breaker;

  early[0]?.answered();
  early[1]?.failed(grave);
  early[2]?.abandoned();
  assert.equal(breaker.state, state);

  clock.nowMs += 1_000;
  const probe = entered(breaker);
  early[3]?.answered();
  assert.equal(breaker.state.kind, "half-open");
  probe.answered();
  assert.equal(breaker.state.kind, "closed");
});

test("a question counts once, however often it is told what came of it", () => {
  const { breaker } = newLab();
  const permit = entered(breaker);

  for (let turn = 0; turn < 10; turn++) permit.failed(grave);

  assert.equal(breaker.state.kind, "closed");
});

test("a probe counts once, however often it is told what came of it", () => {
  const { breaker, clock } = newLab();
  open(breaker);
  clock.nowMs += 1_000;
  const probe = entered(breaker);

  probe.failed(grave);
  probe.answered();
  probe.abandoned();

  assert.equal(breaker.state.kind, "open");
  assert.equal(pauseOf(breaker, clock), 2_000);
});

test("chance makes the pauses of a breaker shorter, by a half at most", () => {
  const pauses = [0, 0.5, 1 - Number.EPSILON].map((chance) => {
    const { breaker, clock } = newLab(() => chance);
    open(breaker);
    return Math.round(pauseOf(breaker, clock));
  });

  assert.deepEqual(pauses, [1_000, 750, 500]);
});

for (const seed of Array.from({ length: 50 }, (_, at) => at + 1)) {
  test(`whatever happens in whatever order, there is one probe at a time, and no pause over its bound (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const { breaker, clock } = newLab(() => random.next());
    const running = new Set<Permit>();
    for (let step = 0; step < 300; step++) {
      clock.nowMs += random.between(0, 2_000);
      for (const permit of [breaker.enter(), breaker.doubt()]) if (permit) running.add(permit);
      assert.ok([...running].filter(({ isProbe }) => isProbe).length <= 1);
      endSome(running, random);
      const { state } = breaker;
      if (state.kind === "open") assert.ok(state.untilMs <= clock.nowMs + 8_000);
      assert.ok(breaker.health >= 0 && breaker.health <= 1);
    }
  });
}

function endSome(running: Set<Permit>, random: SeededRandom): void {
  for (const permit of running) {
    if (random.next() < 0.7) continue;
    running.delete(permit);
    const ends = [
      () => permit.failed(grave),
      () => permit.failed(slight),
      () => permit.answered(),
      () => permit.abandoned(),
    ];
    ends[random.between(0, 3)]?.();
  }
}

interface Clock {
  nowMs: number;
}

function newLab(random: () => number = () => 0): { breaker: Breaker; clock: Clock } {
  const clock = { nowMs: 1_000_000 };
  const monotonicMs = (): number => clock.nowMs;
  return { breaker: new Breaker({ monotonicMs, random, onChange: () => {} }), clock };
}

function entered(breaker: Breaker): Permit {
  const permit = breaker.enter();
  assert.ok(permit, "it is left alone");
  return permit;
}

function doubted(breaker: Breaker): Permit {
  const permit = breaker.doubt();
  assert.ok(permit, "there is no doubt");
  return permit;
}

function fail(breaker: Breaker, trouble: Trouble): void {
  entered(breaker).failed(trouble);
}

function answer(breaker: Breaker): void {
  entered(breaker).answered();
}

function open(breaker: Breaker): void {
  while (breaker.state.kind === "closed") fail(breaker, grave);
}

function pauseOf({ state }: Breaker, { nowMs }: Clock): number {
  assert.ok(state.kind === "open");
  return state.untilMs - nowMs;
}
