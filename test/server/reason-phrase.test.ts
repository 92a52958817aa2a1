import assert from "node:assert/strict";
import { test } from "node:test";
import { DistributionError } from "../../src/oci/distribution-error.ts";
import { reasonPhrase } from "../../src/server/reason-phrase.ts";

test("an error's status line says why, for clients show their users nothing else", () => {
  const error = new DistributionError("UNAVAILABLE", "ghcr.io cannot be reached", { status: 502 });

  assert.equal(reasonPhrase(error), "Bad Gateway: ghcr.io cannot be reached");
});

test("a status line is one line of printable ASCII, and no longer than a sentence", () => {
  const odd = new DistributionError("DENIED", 'a\r\nSet-Cookie: a=b\0 "é\u{1f600}"');
  const long = new DistributionError("UNKNOWN", "x".repeat(1000), { status: 599 });

  assert.equal(reasonPhrase(odd), 'Forbidden: a??Set-Cookie: a=b? "???"');
  assert.equal(reasonPhrase(long).length, 300);
  assert.match(reasonPhrase(long), /^Error: xxx/);
});
