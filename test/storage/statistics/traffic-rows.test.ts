import assert from "node:assert/strict";
import { test } from "node:test";
import { noLatencies } from "../../../src/storage/statistics/latency.ts";
import {
  addPackedTraffic,
  packNetworkTraffic,
  packTraffic,
  unpackNetworkTraffic,
} from "../../../src/storage/statistics/packed-traffic.ts";
import { cellKey, noTraffic } from "../../../src/storage/statistics/traffic.ts";
import {
  nameOfRow,
  namesLimit,
  timeOfRow,
  trafficRowId,
  trafficUnits,
} from "../../../src/storage/statistics/traffic-rows.ts";

test("traffic that was packed is read as it was, up to numbers that a double just holds", () => {
  const traffic = { ...noTraffic(), pulls: 1, savedPulls: 127, receivedBytes: 2 ** 53 - 1 };
  traffic.fills = 128;
  traffic.failedFills = 2 ** 31;
  const latencies = noLatencies();
  latencies[0] = 300;
  latencies[43] = 2 ** 32;
  traffic.cells.set(cellKey("blob", "hit"), { sentBytes: 2 ** 40, latencies });
  traffic.cells.set(cellKey("referrers", "none"), { sentBytes: 0, latencies: noLatencies() });

  const sum = noTraffic();
  addPackedTraffic(sum, packTraffic(traffic));
  assert.deepEqual(sum, traffic);
});

test("traffic of a network that was packed is read as it was", () => {
  const traffic = { requests: 5, pulls: 3, savedPulls: 2, sentBytes: 2 ** 45, savedBytes: 1 };
  assert.deepEqual(unpackNetworkTraffic(packNetworkTraffic(traffic)), traffic);
});

test("a row's id says its unit, its time and its name, and orders rows of a unit by time", () => {
  const atMs = Date.parse("2026-03-10T12:34:00Z");
  for (const unit of Object.values(trafficUnits)) {
    const id = trafficRowId(unit, atMs, 7);
    assert.ok(Number.isSafeInteger(id));
    assert.equal(nameOfRow(id), 7);
    assert.equal(timeOfRow(unit, id), Math.floor(atMs / unit.unitMs) * unit.unitMs);
    assert.ok(id < trafficRowId(unit, atMs + unit.unitMs, 0));
    assert.ok(id < trafficRowId({ ...unit, number: unit.number + 1 }, 0, 0));
  }
});

test("the last name of the last time of a unit lies before the next unit, whatever the clock says", () => {
  const { days, networkDays } = trafficUnits;
  const last = trafficRowId(days, Number.MAX_VALUE, namesLimit - 1);
  assert.equal(last + 1, trafficRowId(networkDays, -1, 0));
});
