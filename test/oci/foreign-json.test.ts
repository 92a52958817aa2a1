import assert from "node:assert/strict";
import { test } from "node:test";
import { parseForeignJson } from "../../src/oci/foreign-json.ts";

const read: readonly (readonly [text: string, value: unknown])[] = [
  ['{"a":[1,null,"x"]}', { a: [1, null, "x"] }],
  ["null", null],
  ["", undefined],
  ["{", undefined],
  ["<html>", undefined],
  ["{}{}", undefined],
  ["\ufeff{}", undefined],
];

for (const [text, value] of read) {
  test(`${JSON.stringify(text)} is read as ${JSON.stringify(value)}`, () => {
    assert.deepEqual(parseForeignJson(Buffer.from(text)), value);
  });
}

// Each made JSON.parse take some 200 MiB for 4 MiB of text.
const large: Readonly<Record<string, string>> = {
  "lists in lists": `${"[".repeat(200_001)}${"]".repeat(200_001)}`,
  "lists in a list": `[${"[],".repeat(200_000)}0]`,
  "objects in a list": `[${"{},".repeat(200_000)}0]`,
};

for (const [what, text] of Object.entries(large)) {
  test(`${what} are not read if they are more than any document has`, () => {
    assert.equal(parseForeignJson(Buffer.from(text)), undefined);
  });
}

test("as many lists and objects as a document may have are read", () => {
  const value = parseForeignJson(Buffer.from(`[${"{},".repeat(199_999)}0]`));

  assert.ok(Array.isArray(value) && value.length === 200_000);
});
