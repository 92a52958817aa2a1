import assert from "node:assert/strict";
import { test } from "node:test";
import {
  readWindow,
  type TrafficWindow,
  type WrittenWindow,
} from "../../../src/storage/statistics/traffic-window.ts";

const nowMs = Date.parse("2026-03-10T12:34:56Z");

const windows: readonly (readonly [WrittenWindow, from: string, to: string, steps: number])[] = [
  [{ window: "24h", step: "1h" }, "2026-03-09T13:00", "2026-03-10T13:00", 24],
  [{ window: "90m", step: "1h" }, "2026-03-10T11:00", "2026-03-10T13:00", 2],
  [{ window: "30d", step: "1d" }, "2026-02-09T00:00", "2026-03-11T00:00", 30],
  [{ step: "1h" }, "2026-03-09T13:00", "2026-03-10T13:00", 24],
  [{ window: "1h", to: "2026-03-01", step: "30m" }, "2026-02-28T23:00", "2026-03-01T00:00", 2],
  [
    { from: "2026-03-01T00:10:00Z", to: "2026-03-01T01:00:00Z", step: "5m" },
    "2026-03-01T00:10",
    "2026-03-01T01:00",
    10,
  ],
];

for (const [written, from, to, steps] of windows) {
  test(`${JSON.stringify(written)} is ${steps} whole steps, from ${from} to ${to}`, () => {
    const { fromMs, toMs, stepMs } = windowOf(written);

    assert.equal(new Date(fromMs).toISOString(), `${from}:00.000Z`);
    assert.equal(new Date(toMs).toISOString(), `${to}:00.000Z`);
    assert.equal((toMs - fromMs) / stepMs, steps);
  });
}

const usualSteps: readonly (readonly [window: string, step: string])[] = [
  ["1h", "1m"],
  ["6h", "5m"],
  ["24h", "15m"],
  ["7d", "6h"],
  ["30d", "1d"],
  ["365d", "1d"],
];

for (const [window, step] of usualSteps) {
  test(`a window of ${window} without a step has one of ${step}`, () => {
    assert.equal(windowOf({ window }).stepMs, windowOf({ window: step, step }).stepMs);
  });
}

const refused: readonly (readonly [WrittenWindow, RegExp])[] = [
  [{ window: "soon" }, /^"soon" is not a duration; write for example 24h$/],
  [{ step: "1.5s" }, /^"1.5s" is not a number of minutes, hours or days/],
  [{ step: "0m" }, /^"0m" is not a number of minutes/],
  [{ from: "yesterday" }, /^"yesterday" is not a time; write for example 2026/],
  [{ to: "1" }, /^"1" is not a time/],
  [{ window: "0s" }, /^the end is not after the beginning$/],
  [{ from: "2026-03-11" }, /^the end is not after the beginning$/],
  [{ window: "1h", from: "2026-03-01" }, /cannot both be given$/],
  [{ window: "7d", step: "1m" }, /^that is 10080 steps, more than 1500/],
  [{ window: "20d", step: "30m" }, /only whole hours can be told/],
  [{ window: "1h", to: "2026-01-01", step: "1m" }, /only whole hours can be told/],
  [{ window: "1d", to: "2024-01-01", step: "1h" }, /only whole days can be told/],
];

for (const [written, problem] of refused) {
  test(`${JSON.stringify(written)} is refused with a sentence`, () => {
    const read = readWindow(written, nowMs);
    assert.ok("problem" in read);
    assert.match(read.problem, problem);
  });
}

function windowOf(written: WrittenWindow): TrafficWindow {
  const read = readWindow(written, nowMs);
  assert.ok("window" in read, JSON.stringify(read));
  return read.window;
}
