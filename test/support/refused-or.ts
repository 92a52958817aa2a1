import assert from "node:assert/strict";
import { DistributionError } from "../../src/oci/distribution-error.ts";

// Nothing of this kind, a range behind the end, a loop of mirrors.
const refusals: readonly number[] = [400, 404, 416, 508];

/** null where a DistributionError was thrown that a client can be told; everything else is thrown on. */
export function refusedOr<Value>(read: () => Value): Value | null {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DistributionError)) throw error;
    assert.ok(refusals.includes(error.status), `${error.status}`);
    assert.ok(error.message.length < 500, error.message);
    return null;
  }
}
