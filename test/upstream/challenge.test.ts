import assert from "node:assert/strict";
import { test } from "node:test";
import { type BearerChallenge, preferredChallenge } from "../../src/upstream/tokens/challenge.ts";

const hub: BearerChallenge = {
  kind: "bearer",
  realm: "https://auth.example.com/token",
  service: "registry.example.com",
};
const realm = 'realm="https://auth.example.com/token"';
const service = 'service="registry.example.com"';

const bearers: readonly (readonly [what: string, header: string])[] = [
  ["as Docker Hub writes it", `Bearer ${realm},${service}`],
  [
    "with a scope, which is not used",
    `Bearer ${realm},${service},scope="repository:user/image:pull"`,
  ],
  ["with spaces", `Bearer  ${realm} ,\t${service} `],
  ["with spaces around =", `Bearer realm = "${hub.realm}", service= "${hub.service}"`],
  ["in upper case", `BEARER REALM="${hub.realm}",Service="${hub.service}"`],
  ["unquoted", `Bearer realm=${hub.realm},service=${hub.service}`],
  ["in another order", `Bearer error="invalid_token",${service},scope="a,b",${realm}`],
  ["with quoted commas before", `Bearer scope="repository:a:pull,push",${realm},${service}`],
  [
    "with escapes",
    `Bearer realm="https:\\/\\/auth.example.com\\/token",service="registry\\.example.com"`,
  ],
  [
    "with an escaped quote before",
    `Bearer error_description="say \\"please\\", twice",${realm},${service}`,
  ],
  [
    "with the words of a challenge in quotes",
    `Bearer error="Bearer realm=x, Basic",${realm},${service}`,
  ],
  ["behind Basic", `Basic realm="registry", Bearer ${realm},${service}`],
  ["before Basic", `Bearer ${realm},${service}, Basic realm="registry"`],
  ["behind a scheme without parameters", `Negotiate, Bearer ${realm},${service}`],
  ["behind a token68", `Negotiate YWJj==, Bearer ${realm},${service}`],
  ["behind a Bearer without realm", `Bearer error="x", Bearer ${realm},${service}`],
  ["behind empty elements", `,, ,Bearer ${realm},,${service}`],
];

for (const [what, header] of bearers) {
  test(`a Bearer challenge ${what} is found`, () => {
    assert.deepEqual(preferredChallenge(header), hub);
  });
}

test("a challenge without a service has none", () => {
  assert.deepEqual(preferredChallenge(`Bearer ${realm}`), { ...hub, service: null });
});

test("a service keeps its comma", () => {
  assert.deepEqual(preferredChallenge(`Bearer ${realm},service="a, b"`), {
    ...hub,
    service: "a, b",
  });
});

const none: readonly (readonly [what: string, header: string | undefined])[] = [
  ["no header", undefined],
  ["an empty header", ""],
  ["Bearer alone", "Bearer"],
  ["Bearer without realm", `Bearer ${service}`],
  ["an empty realm", 'Bearer realm=""'],
  ["a realm without a scheme", realm],
  ["Bearer in quotes", `Negotiate realm="Bearer ${hub.realm}"`],
  ["Bearer as a part of a scheme's name", `XBearer ${realm}`],
];

for (const [what, header] of none) {
  test(`${what}: no challenge that can be met`, () => {
    assert.equal(preferredChallenge(header), null);
  });
}

const basics: readonly (readonly [what: string, header: string])[] = [
  ["alone", 'Basic realm="https://auth.example.com/token"'],
  ["in upper case", "BASIC"],
  ["behind a Bearer without realm", `Bearer ${service}, Basic realm="registry"`],
  ["before a Bearer with an empty realm", 'Basic realm="registry", Bearer realm=""'],
  ["with Bearer in quotes", `Basic realm="Bearer ${hub.realm}"`],
];

for (const [what, header] of basics) {
  test(`a Basic challenge ${what} is found`, () => {
    assert.deepEqual(preferredChallenge(header), { kind: "basic" });
  });
}

// The parser looks at a header once: were it to start over at every character, or to try every way to cut it,
// 16 KiB of these would take from minutes to for ever. The test measures no time, it only has to end.
test("16 KiB of anything in a challenge give no empty realm, and hide no challenge behind them", () => {
  const pieces = [
    ",",
    "a",
    "a,",
    "a ",
    "a=",
    'a="',
    'a="\\',
    '"',
    "\\",
    "=",
    " ",
    "a\t",
    "é",
    "Bearer ",
  ];
  for (const piece of pieces) {
    const junk = piece.repeat((16 * 1024) / piece.length);
    for (const header of [
      junk,
      `Bearer ${junk}`,
      `Bearer realm="${junk}`,
      `Bearer realm=x ${junk}!`,
    ]) {
      const challenge = preferredChallenge(header);
      assert.ok(challenge?.kind !== "bearer" || challenge.realm.length > 0);
    }
  }
  assert.deepEqual(preferredChallenge(`${",".repeat(16 * 1024)}Bearer ${realm},${service}`), hub);
});
