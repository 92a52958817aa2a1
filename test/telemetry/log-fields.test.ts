import assert from "node:assert/strict";
import { test } from "node:test";
import { findingKinds } from "../../src/storage/verification/verification.ts";
import { otherLogFields } from "../../src/telemetry/log-fields.ts";

test("the words for damage in the log are those that are documented", () => {
  const named = [...String(otherLogFields["damage"]?.meaning).matchAll(/`([^`]+)`/g)];

  // What is none of ours does no harm, and has no line.
  const logged = findingKinds.filter((kind) => kind !== "foreign");
  assert.deepEqual(
    named.map(([, word]) => word),
    logged,
  );
});
