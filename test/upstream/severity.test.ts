import assert from "node:assert/strict";
import { test } from "node:test";
import { severityOf } from "../../src/upstream/endpoints/severity.ts";
import { failureFrom } from "../../src/upstream/failure.ts";

test("what the mirror itself has run out of says nothing of the upstream", () => {
  for (const code of ["EMFILE", "ENFILE"]) {
    const error = Object.assign(new Error(`connect ${code} 192.0.2.1:443`), { code });

    const failure = failureFrom(error, "header");

    assert.deepEqual(failure, { kind: "exhausted", reason: `connect ${code} 192.0.2.1:443` });
    assert.equal(severityOf(failure), "unknown");
  }
  const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
  assert.equal(severityOf(failureFrom(refused, "header")), "grave");
});
