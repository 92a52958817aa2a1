import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { Behind } from "../../src/mirror/behind.ts";

test("work behind an answer begins at once, and 'idle' waits for it", async () => {
  const { behind } = newBehind();
  const work = heldWork();

  behind.run("docker.io", "a", work.run);
  assert.equal(work.begun, 1);
  let idle = false;
  const waiting = behind.idle().then(() => {
    idle = true;
  });
  await settled();
  assert.equal(idle, false);
  work.release();
  await waiting;

  assert.equal(work.ended, 1);
});

test("of each key one runs or waits, and it may run again afterwards", async () => {
  const { behind } = newBehind();
  const work = heldWork();

  for (let turn = 0; turn < 3; turn++) behind.run("docker.io", "a", work.run);
  work.release();
  await behind.idle();
  behind.run("docker.io", "a", work.run);
  await behind.idle();

  assert.equal(work.begun, 2);
});

test("four pieces of work run at a time for an upstream, the others wait in the order they came", async () => {
  const { behind } = newBehind();
  const works = Array.from({ length: 7 }, () => heldWork());
  for (const [at, { run }] of works.entries()) behind.run("docker.io", `${at}`, run);
  behind.run("docker.io", "5", () => Promise.reject(new Error("5 waits already")));

  assert.deepEqual(
    works.map(({ begun }) => begun),
    [1, 1, 1, 1, 0, 0, 0],
  );
  works[2]?.release();
  await settled();
  assert.deepEqual(
    works.map(({ begun }) => begun),
    [1, 1, 1, 1, 1, 0, 0],
  );
  for (const { release } of works) release();
  await behind.idle();

  assert.ok(works.every(({ ended }) => ended === 1));
});

test("an upstream that hangs holds up no other", async () => {
  const { behind } = newBehind();
  const hanging = heldWork();
  const other = heldWork();
  for (let at = 0; at < 10; at++) behind.run("docker.io", `${at}`, hanging.run);

  behind.run("ghcr.io", "0", other.run);

  assert.equal(other.begun, 1);
  hanging.release();
  other.release();
  await behind.idle();
});

test("a thousand pieces of work may wait, and what comes beyond is dropped", async () => {
  const { behind } = newBehind();
  const work = heldWork();

  for (let at = 0; at < 2_000; at++) behind.run("docker.io", `${at}`, work.run);
  work.release();
  await behind.idle();

  assert.equal(work.ended, 1_004);
});

test("work that fails, in whatever way, is logged and ends nothing", async () => {
  const { behind, lines } = newBehind();
  const work = heldWork();

  behind.run("docker.io", "rejects", () => Promise.reject(new Error("no answer")));
  behind.run("docker.io", "throws", () => {
    throw new Error("a bug");
  });
  behind.run("docker.io", "works", work.run);
  work.release();
  await behind.idle();

  assert.equal(work.ended, 1);
  assert.deepEqual(lines.map(({ err }) => err.message).sort(), ["a bug", "no answer"]);
  assert.ok(lines.every((line) => line.upstream === "docker.io"));
});

test("at the stop work that waits is dropped, what runs is waited for, and nothing begins any more", async () => {
  const { behind } = newBehind();
  const works = Array.from({ length: 6 }, () => heldWork());
  for (const [at, { run }] of works.entries()) behind.run("docker.io", `${at}`, run);

  const stopped = behind.stop();
  for (const { release } of works) release();
  await stopped;
  const late = heldWork();
  behind.run("docker.io", "late", late.run);

  assert.equal(late.begun, 0);

  assert.deepEqual(
    works.map(({ begun, ended }) => [begun, ended]),
    [
      [1, 1],
      [1, 1],
      [1, 1],
      [1, 1],
      [0, 0],
      [0, 0],
    ],
  );
});

test("a write that ends soon gives what it gives, and one that does not goes on behind the answer", async () => {
  const { behind } = newBehind(1);
  const write = heldWork();

  assert.equal(await behind.soonOrLate(async () => "written", null), "written");
  assert.equal(await behind.soonOrLate(write.run, undefined), null);
  let idle = false;
  const waiting = behind.idle().then(() => {
    idle = true;
  });
  await settled();
  assert.equal(idle, false);
  write.release();
  await waiting;

  assert.equal(write.ended, 1);
});

test("a write is not begun while 64 go on behind their answers", async () => {
  const { behind } = newBehind(1);
  const writes = Array.from({ length: 64 }, () => heldWork());
  const further = heldWork();

  for (const { run } of writes) assert.equal(await behind.soonOrLate(run, undefined), null);
  assert.equal(await behind.soonOrLate(further.run, undefined), undefined);
  assert.equal(further.begun, 0);
  for (const { release } of writes) release();
  await behind.idle();
  further.release();
  await behind.soonOrLate(further.run, undefined);

  assert.equal(further.ended, 1);
});

interface HeldWork {
  readonly run: () => Promise<void>;
  readonly release: () => void;
  begun: number;
  ended: number;
}

/** Work that ends when it is released. */
function heldWork(): HeldWork {
  const { promise, resolve } = Promise.withResolvers<void>();
  const work = {
    begun: 0,
    ended: 0,
    release: resolve,
    run: async () => {
      work.begun++;
      await promise;
      work.ended++;
    },
  };
  return work;
}

interface Line {
  readonly upstream: string;
  readonly err: { readonly message: string };
}

function newBehind(writePatienceMs: number = 60_000): { behind: Behind; lines: Line[] } {
  const lines: Line[] = [];
  const log = pino(
    { level: "debug" },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  );
  return { behind: new Behind(log, writePatienceMs), lines };
}

/** Everything that can happen without another event has happened. */
function settled(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setImmediate(resolve);
  return promise;
}
