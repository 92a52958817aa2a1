import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { parseTokens } from "../../src/config/files/tokens.ts";

const hashes = ["one", "two"].map((token) => createHash("sha256").update(token).digest("hex"));
const [one = "", two = ""] = hashes;

test("a name may have several tokens, and what sha256sum prints behind a hash means nothing", () => {
  const read = parseTokens(
    `\u{feff}# robots\r\nci:sha256:${one}  -\r\nci:sha256:${two.toUpperCase()}\r\n`,
  );

  assert.ok(read.kind === "tokens");
  assert.deepEqual(
    [...read.names],
    [
      [one, "ci"],
      [two, "ci"],
    ],
  );
});

const refused: readonly (readonly [line: string, message: RegExp])[] = [
  ["ci", /has no ":" between/],
  [":sha256:x", /has no name/],
  ["ci:", /is not NAME:sha256:HASH/],
  // It may be a token of its own: `openssl rand -hex 32` prints as many digits.
  [`ci:${two}`, /is not NAME:sha256:HASH/],
  [`ci:sha256:${two.slice(1)}`, /64 hexadecimal digits/],
  [`ci:sha256:${two}0`, /is not NAME:sha256:HASH/],
  [`ci:sha256:${two} file`, /is not NAME:sha256:HASH/],
  [`ci:md5:${two}`, /is not NAME:sha256:HASH/],
  [`ci:$2y$10$${".".repeat(53)}`, /has the hash of a password, which belongs into htpasswd/],
  [`other:sha256:${one}`, /has the same token as line 1; give each its own/],
  [`anonymous:sha256:${two}`, /has the name anonymous/],
];

for (const [line, message] of refused) {
  test(`the token file's line ${JSON.stringify(line.slice(0, 30))} is refused, and not shown: ${message.source}`, () => {
    const read = parseTokens(`ci:sha256:${one}\n\n${line}`);

    assert.ok(read.kind === "problem");
    assert.equal(read.line, 3);
    assert.match(read.message, message);
    assert.ok(!read.message.includes(two.slice(1)));
  });
}

test("a file without a token is refused", () => {
  const read = parseTokens("# none yet\n");

  assert.ok(read.kind === "problem");
  assert.equal(read.line, null);
  assert.match(read.message, /has no token; make one with TOKEN=\$\(openssl rand -hex 32\)/);
});
