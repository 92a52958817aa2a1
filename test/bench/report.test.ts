import assert from "node:assert/strict";
import { test } from "node:test";
import { openReasons, resultsPage } from "../../bench/support/published/results-page.ts";
import type { Row } from "../../bench/support/question.ts";
import { report } from "../../bench/support/report.ts";
import type { Results } from "../../bench/support/results-file.ts";
import { Scoreboard } from "../../bench/support/scoreboard.ts";
import { quickSize } from "../../bench/support/sizes.ts";
import { table } from "../../bench/support/table.ts";

const row: Row = {
  label: "warm blob",
  unit: "GB/s",
  decimals: 1,
  targets: [
    { of: "registry", kind: "at least", value: 1.25 },
    { of: "nginx", kind: "at least", value: 1 },
  ],
};

test("a ratio is the median of the rounds' ratios, whatever the machine did between rounds", () => {
  const board = new Scoreboard();
  // Ten times as slow in the second round, for both.
  for (const speed of [4, 0.4, 6]) board.add("sluice", { "warm blob": speed });
  for (const speed of [2, 0.2, 4]) board.add("registry", { "warm blob": speed });

  const { ratios, verdicts } = report(row, ["sluice", "registry"], board);

  assert.equal(ratios["registry"], 2);
  assert.equal(verdicts[0]?.met, true);
});

test("rounds in which a figure is below zero do not count for a ratio", () => {
  const board = new Scoreboard();
  for (const late of [2, 4, -1]) board.add("sluice", { "warm blob": late });
  for (const late of [-1, 2, 3]) board.add("nginx", { "warm blob": late });

  assert.equal(report(row, ["sluice", "nginx"], board).ratios["nginx"], 2);
});

test("a peer that is not installed is named, its column left empty and its target open", () => {
  const board = new Scoreboard();
  board.note("nginx is not installed here");
  board.add("sluice", { "warm blob": 2 });
  board.add("registry", { "warm blob": 2 });

  const rows = [report(row, ["sluice", "registry", "nginx"], board)];
  const answer = { name: "warm-blob", rows, curves: [], notes: board.notes };
  const page = resultsPage({
    results: { ...someResults, answers: [answer] },
    questions: new Map([["warm-blob", "How fast?"]]),
    reasons: { "warm blob": "It has a reason." },
    charts: [],
  });

  assert.match(table(rows), /nginx +– +≥ 1$/m);
  assert.match(page, /\| warm blob \| GB\/s \| 2\.0 \| 2\.0<br>1\.00 × \| {2}\|/);
  assert.match(page, /0 of 2 targets are met, 1 could not be measured/);
  assert.match(page, /^- \*\*warm blob\*\*: ≥ 1\.25 × registry:2: 1\.00 ✗\. It has a reason\.$/m);
  assert.match(page, /^- ! nginx is not installed here$/m);
});

test("what falls short without a reason is told, and a reason of what falls short no more", () => {
  const board = new Scoreboard();
  board.add("sluice", { "warm blob": 1, "cold blob": 3 });
  board.add("registry", { "warm blob": 1, "cold blob": 1 });
  const rows = [row, { ...row, label: "cold blob" }].map((each) =>
    report(
      { ...each, targets: [{ of: "registry", kind: "at least", value: 2 }] },
      ["sluice", "registry"],
      board,
    ),
  );
  const results = { ...someResults, answers: [{ name: "q", rows, curves: [], notes: [] }] };

  const reasons = { "cold blob": "It was slow.", "not asked": "Nobody knows." };

  assert.deepEqual(openReasons({ results, reasons }), {
    missing: ["warm blob"],
    stale: ["cold blob"],
  });
  assert.deepEqual(openReasons({ results, reasons: { "warm blob": "It is so." } }), {
    missing: [],
    stale: [],
  });
});

const someResults: Results = {
  startedAt: "2026-01-02T03:04:05.000Z",
  machine: {
    cpu: "some",
    cores: 2,
    memoryBytes: 2 ** 34,
    kernel: "6",
    node: "v24",
    versions: { nginx: null },
    commit: null,
  },
  size: quickSize,
  answers: [],
};
