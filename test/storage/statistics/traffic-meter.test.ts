import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type MeteredRequest,
  TrafficMeter,
} from "../../../src/storage/statistics/traffic-meter.ts";

const request: MeteredRequest = {
  upstream: "docker.io",
  kind: "blob",
  outcome: "hit",
  sentBytes: 10,
  durationMs: 1,
  isPull: true,
  client: "192.0.2.1",
};

// Half a day of minutes is what memory has room for: writes that fail every five seconds once filled it within the hour.
test("a minute that goes on while it cannot be written stays one, with all that happened in it", () => {
  let nowMs = 0;
  const meter = new TrafficMeter(() => nowMs);
  for (let nth = 0; nth < 3; nth++) {
    meter.note(request);
    const taken = meter.take();
    meter.note({ ...request, upstream: "ghcr.io", client: "198.51.100.1" });
    meter.giveBack(taken);
  }
  nowMs = 60_000;
  meter.note(request);

  const [first, second, ...others] = meter.pending;

  assert.deepEqual([first?.minute, second?.minute, others], [0, 1, []]);
  assert.deepEqual(
    [...(first?.networks ?? [])].map(([, { requests, sentBytes }]) => [requests, sentBytes]),
    [
      [3, 30],
      [3, 30],
    ],
  );
  assert.deepEqual([...(first?.upstreams ?? [])].map(([name, { pulls }]) => [name, pulls]).sort(), [
    ["docker.io", 3],
    ["ghcr.io", 3],
  ]);
});
