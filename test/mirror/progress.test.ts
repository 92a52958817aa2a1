import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { Progress } from "../../src/mirror/fills/progress.ts";

test("all who wait for a fill's progress are woken, and whoever waits again waits for the next time", async () => {
  const progress = new Progress();
  const { signal } = new AbortController();
  let woken = 0;
  const wait = (): Promise<void> => progress.next(signal).then(() => void woken++);

  const first = Promise.all([wait(), wait()]);
  progress.wake();
  await first;
  const second = wait();
  await Promise.resolve();
  assert.equal(woken, 2);

  progress.wake();
  await second;
  assert.equal(woken, 3);
});

test("whoever leaves waits for a fill's progress no more, and nobody else is woken by it", async () => {
  const progress = new Progress();
  const leaving = new AbortController();
  const staying = new AbortController();
  let woken = false;

  const left = assert.rejects(progress.next(leaving.signal), /gone/);
  const stayed = progress.next(staying.signal).then(() => {
    woken = true;
  });
  leaving.abort(new Error("gone"));
  await left;

  assert.equal(woken, false);
  await assert.rejects(progress.next(leaving.signal), /gone/);
  progress.wake();
  await stayed;
});

test("to wait for a fill's progress leaves nothing behind, however often it was waited", async () => {
  const progress = new Progress();
  const { signal } = new AbortController();

  for (let round = 0; round < 100; round++) {
    const waiting = progress.next(signal);
    progress.wake();
    await waiting;
  }

  assert.equal(getEventListeners(signal, "abort").length, 0);
});
