import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { plainLine, plainLineToShow } from "../../src/telemetry/plain-line.ts";
import { anyText, foreignText, oddLetters } from "../support/foreign-text.ts";
import { holds } from "../support/holds.ts";

const values = fc.oneof(anyText(), foreignText(`a"\\\\${oddLetters}`));

test("a line says the same in letters that nobody obeys", async () => {
  await holds(
    fc.property(values, (target) => {
      const line = plainLine(`${JSON.stringify({ target })}\n`);

      assert.deepEqual(JSON.parse(line), { target });
      assert.doesNotMatch(line.slice(0, -1), /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
      assert.ok(line.endsWith("}\n"));
    }),
  );
});

test("a line that is made text of shows the numbers of odd letters", () => {
  const [csi, turned, tag] = ["\u009b31m", "\u202e", "\u{e0001}"];
  const shown = JSON.parse(plainLineToShow(JSON.stringify({ csi, turned, tag, plain: "\u00e9" })));

  assert.deepEqual(shown, {
    csi: "\\u009b31m",
    turned: "\\u202e",
    tag: "\\udb40\\udc01",
    plain: "\u00e9",
  });
});
