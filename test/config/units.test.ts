import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatBytes,
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
  sizeInBytes,
} from "../../src/config/units.ts";

test("durations are read into ms", () => {
  const table: [string, number | null][] = [
    ["0s", 0],
    ["250ms", 250],
    ["90s", 90_000],
    ["10m", 600_000],
    ["1.5h", 5_400_000],
    ["7d", 604_800_000],
    ["5 m", 300_000],
    ["5", null],
    ["m", null],
    ["-5m", null],
    ["5M", null],
    ["1h30m", null],
    ["5 parsecs", null],
    ["1e3s", null],
    ["", null],
    ["5m\n", null],
    ["999999999999d", null],
  ];
  for (const [text, expected] of table) assert.equal(parseDuration(text), expected, text);
});

test("sizes are read into bytes or a share of the disk", () => {
  const bytes = (count: number): unknown => ({ kind: "bytes", bytes: count });
  const share = (part: number): unknown => ({ kind: "share", share: part });
  const table: [string, unknown][] = [
    ["0B", bytes(0)],
    ["512B", bytes(512)],
    ["1kB", bytes(1000)],
    ["1KB", bytes(1000)],
    ["1KiB", bytes(1024)],
    ["500MB", bytes(500_000_000)],
    ["1.5GiB", bytes(1_610_612_736)],
    ["50 GiB", bytes(53_687_091_200)],
    ["2TB", bytes(2e12)],
    ["1TiB", bytes(1_099_511_627_776)],
    ["80%", share(0.8)],
    ["12.5 %", share(0.125)],
    ["100%", share(1)],
    ["0%", null],
    ["101%", null],
    ["50", null],
    ["50G", null],
    ["50gib", null],
    ["-1GiB", null],
    ["1_000B", null],
    ["99999999TiB", null],
    ["", null],
  ];
  for (const [text, expected] of table) assert.deepEqual(parseSize(text), expected, text);
});

test("a size that is a share is one of the disk", () => {
  assert.equal(sizeInBytes({ kind: "share", share: 0.8 }, 1001), 800);
  assert.equal(sizeInBytes({ kind: "bytes", bytes: 7 }, 1001), 7);
});

test("durations are written by their two most significant units", () => {
  const table: [number, string][] = [
    [0, "0s"],
    [0.4, "0s"],
    [250, "250ms"],
    [1000, "1s"],
    [90_000, "1m 30s"],
    [3_600_000, "1h"],
    [3_601_000, "1h"],
    [273_600_000 + 59_000, "3d 4h"],
    [604_800_000, "7d"],
  ];
  for (const [durationMs, expected] of table) assert.equal(formatDuration(durationMs), expected);
});

test("bytes are written in binary units, and no unit is reached by rounding", () => {
  const table: [number, string][] = [
    [0, "0 B"],
    [512, "512 B"],
    [1024, "1 KiB"],
    [1536, "1.5 KiB"],
    [1023 * 1024, "1023 KiB"],
    [1024 * 1024 - 1, "1 MiB"],
    [53_687_091_200, "50 GiB"],
    [123_456_789, "118 MiB"],
    [2 ** 40 * 5000, "5000 TiB"],
  ];
  for (const [bytes, expected] of table) assert.equal(formatBytes(bytes), expected);
  assert.equal(formatSize({ kind: "bytes", bytes: 1024 }), "1 KiB");
  assert.equal(formatSize({ kind: "share", share: 0.125 }), "12.5% of the disk");
});

test("a size that is written in binary units is read as the same size", () => {
  for (const bytes of [0, 1023, 1024, 1536, 53_687_091_200]) {
    assert.deepEqual(parseSize(formatBytes(bytes)), { kind: "bytes", bytes });
  }
});
