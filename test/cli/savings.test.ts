import assert from "node:assert/strict";
import { test } from "node:test";
import { renderSavings, renderSavingsCsv } from "../../src/cli/commands/savings.ts";
import type { SavingsReport } from "../../src/storage/statistics/savings-report.ts";
import { imageOfSize } from "../support/images.ts";
import { CommandScene } from "./command-scene.ts";

const day = ["--from", "2025-12-31", "--to", "2026-01-02"];

test("savings tells pulls and bytes, beside a daemon and without one", async () => {
  await using scene = await CommandScene.start();
  const image = imageOfSize("saved", 1024 ** 2);
  scene.hub.addImage("library/app", "1", image);
  for (let pull = 0; pull < 4; pull++) await scene.pull("app", "1", image);

  const { code, stdout } = await scene.run("savings", ...day);
  await scene.stop();
  const offline = await scene.run("savings", ...day);
  const csv = await scene.run("savings", ...day, "--by", "network", "--csv");

  assert.equal(code, 0);
  assert.match(stdout, /^from, to {2}2025-12-31T00:00Z, 2026-01-02T00:00Z\n\nUPSTREAM/);
  assert.match(stdout, /\ndocker\.io +4 +3 +4 MiB +3 MiB +75\.0%\n/);
  assert.equal(offline.stdout, stdout);
  assert.match(
    csv.stdout,
    /^network,requests,pulls,saved_pulls,sent_bytes,saved_bytes\n127\.0\.0\.0\/24,12,4,3,\d+,\d+\n$/,
  );
});

test("savings refuses a window or a grouping that is none, and CSV with JSON, as wrong usage", async () => {
  await using scene = await CommandScene.start();

  const window = await scene.run("savings", "--window", "soon");
  const by = await scene.run("savings", "--by", "client");
  const both = await scene.run("savings", "--csv", "--json");

  assert.deepEqual([window.code, by.code, both.code], [2, 2, 2]);
  assert.match(window.stderr, /"soon" is not a duration; write for example 24h/);
});

const large: SavingsReport = {
  from: "2026-01-01T00:00:00.000Z",
  to: "2026-02-01T00:00:00.000Z",
  by: "network",
  rows: [rowOf("2001:db8:1234:5678::/64"), rowOf("registry.internal.example.com:5000")],
  total: rowOf(""),
};

test("large numbers and long names in savings stay within 80 columns", () => {
  for (const line of renderSavings(large).split("\n")) assert.ok(line.length <= 80, line);
});

test("savings --csv has names and numbers as they are", () => {
  assert.equal(
    renderSavingsCsv(large).split("\n").at(-1),
    "registry.internal.example.com:5000,1234567,1234567,1234566,13194139533312,12094627905536",
  );
});

test("savings of a time without pulls says so, without a table", () => {
  assert.match(renderSavings({ ...large, rows: [] }), /\n\nno pulls$/);
});

function rowOf(name: string): SavingsReport["rows"][number] {
  return {
    name,
    requests: 1_234_567,
    pulls: 1_234_567,
    savedPulls: 1_234_566,
    sentBytes: 12 * 2 ** 40,
    savedBytes: 11 * 2 ** 40,
  };
}
