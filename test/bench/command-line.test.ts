import assert from "node:assert/strict";
import { test } from "node:test";
import { questions } from "../../bench/questions.ts";
import { parseCommandLine, usage } from "../../bench/support/command-line.ts";

test("the help tells of every question what it asks", async () => {
  const lines = (await usage(questions)).split("\n");

  for (const { name } of questions) {
    assert.ok(
      lines.some((line) => line.startsWith(`  ${name} `) && line.endsWith("?")),
      name,
    );
  }
});

test("questions are asked by name, and one that there is not is refused", () => {
  const some = parseCommandLine(["growth", "--quick"], questions);
  const none = parseCommandLine(["grwth"], questions);

  assert.ok(some.kind === "run" && none.kind === "wrong");
  assert.deepEqual(
    some.questions.map(({ name }) => name),
    ["growth"],
  );
  assert.equal(some.size.name, "quick");
  assert.match(none.reason, /grwth/);
});

test("no two rows or curves of all questions have one name", () => {
  const labels = questions.flatMap(({ rows, curves = [] }) =>
    [...rows, ...curves].map(({ label }) => label),
  );

  assert.deepEqual(
    labels.filter((label, at) => labels.indexOf(label) !== at),
    [],
  );
});
