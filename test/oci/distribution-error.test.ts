import assert from "node:assert/strict";
import { test } from "node:test";
import { DistributionError, type ErrorCode } from "../../src/oci/distribution-error.ts";

const statuses: readonly (readonly [code: ErrorCode, status: number])[] = [
  ["BLOB_UNKNOWN", 404],
  ["DENIED", 403],
  ["DIGEST_INVALID", 400],
  ["MANIFEST_INVALID", 400],
  ["MANIFEST_UNKNOWN", 404],
  ["NAME_INVALID", 400],
  ["NAME_UNKNOWN", 404],
  ["RANGE_INVALID", 416],
  ["TOOMANYREQUESTS", 429],
  ["UNAVAILABLE", 503],
  ["UNKNOWN", 500],
  ["UNSUPPORTED", 405],
];

for (const [code, status] of statuses) {
  test(`${code} is status ${status}, and the spec's JSON`, () => {
    const error = new DistributionError(code, 'a "sentence"', { detail: { key: 1 } });

    assert.equal(error.status, status);
    assert.deepEqual(JSON.parse(error.toBody()), {
      errors: [{ code, message: 'a "sentence"', detail: { key: 1 } }],
    });
  });
}

test("a status that is given wins, and what is not given is empty", () => {
  const error = new DistributionError("UNAVAILABLE", "late", { status: 504 });

  assert.equal(error.status, 504);
  assert.deepEqual(error.headers, {});
  assert.equal(JSON.parse(error.toBody()).errors[0].detail, null);
});

test("the cause stays with the mirror", () => {
  const error = new DistributionError("UNKNOWN", "an error", { cause: new Error("secret path") });

  assert.doesNotMatch(error.toBody(), /secret/);
});

// Gathered for each of a flood of refusals it took a third of their CPU time.
test("has no stack, and leaves others theirs", () => {
  const { stack } = new DistributionError("NAME_UNKNOWN", "there is none");

  assert.equal(stack, "DistributionError: there is none");
  assert.match(String(new Error("another").stack), /\n {4}at /);
});
