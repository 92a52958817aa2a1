import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandError } from "../../src/cli/command-error.ts";
import { explainFailure } from "../../src/cli/explain-failure.ts";
import { ConfigError } from "../../src/config/config-error.ts";

test("an expected failure is its own sentence, a bug shows its stack", () => {
  const bug = new TypeError("x is not a function");
  assert.equal(
    explainFailure(new CommandError("no daemon answers; start one")),
    "sluice: no daemon answers; start one",
  );
  assert.equal(
    explainFailure(bug),
    `sluice: this is a bug in sluice, please report it\n${bug.stack}`,
  );
  assert.equal(
    explainFailure("thrown text"),
    "sluice: this is a bug in sluice, please report it\nthrown text",
  );
});

test("the hint at the keys follows problems within a file only", () => {
  const problem = { file: "x.yaml", path: "", message: "does not exist" };
  assert.equal(
    explainFailure(new ConfigError([{ ...problem, place: null }])),
    "x.yaml: does not exist",
  );
  assert.match(
    explainFailure(new ConfigError([{ ...problem, place: { line: 1, column: 2 } }])),
    /^x\.yaml:1:2 does not exist\n\n`sluice config explain` says/,
  );
});
