import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { generatedFiles } from "../../docs/generated-files.ts";
import { passagesOf } from "../../docs/passages.ts";

test("the generated documents are what the definitions say now", async () => {
  for (const [name, content] of await generatedFiles()) {
    const file = fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
    const present = await readFile(file, "utf8").catch(() => "");
    assert.ok(present === content, `docs/${name} is out of date; run: npm run docs`);
  }
});

test("a help text is cut into prose and lines that stand as they are", () => {
  assert.deepEqual(passagesOf("One\ntwo.\n\nExamples:\n  a  # b\n  c\n\n  d"), [
    { kind: "prose", lines: ["One", "two."] },
    { kind: "prose", lines: ["Examples:"] },
    { kind: "verbatim", lines: ["a  # b", "c"] },
    { kind: "verbatim", lines: ["d"] },
  ]);
});
