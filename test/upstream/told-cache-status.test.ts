import assert from "node:assert/strict";
import { test } from "node:test";
import { toldCacheStatus } from "../../src/upstream/told-cache-status.ts";

const lists: Readonly<Record<string, string | null>> = {
  sluice: null,
  "sluice; hit": null,
  "sluice; hit; ttl=-30": null,
  'sluice; fwd=stale; ttl=-1; detail="a \\"quote\\" and a \\\\"': 'a "quote" and a \\',
  'cdn; hit; detail="of the cdn"': null,
  'cdn; hit,\tsluice; fwd=miss; detail="the last one\'s"': "the last one's",
  'sluice; fwd=miss; detail="the first one\'s", cdn; fwd=miss': null,
  'sluice2; detail="of another program"': null,
  "sluice; detail=token": null,
  'sluice; detail=""': null,
  'sluice; key="; detail=\\"in a string\\""': null,
  '"Cache, of; many letters"; hit; a=1.5; b=?1; c=:aGk=:; *d': null,
};

for (const [header, reason] of Object.entries(lists)) {
  test(`${header} is passed on, and its mirror's reason is ${reason}`, () => {
    assert.deepEqual(toldCacheStatus(header), { text: header, mirrorsReason: reason });
  });
}

const none: Readonly<Record<string, string | undefined>> = {
  "no header": undefined,
  "an empty one": "",
  "an empty member": "sluice; hit,, cdn",
  "a comma at the end": "sluice; hit,",
  "a string that does not end": 'sluice; detail="and so on',
  "letters beyond ASCII": 'sluice; detail="caf\u00e9"',
  "a line break": 'sluice; detail="a\r\nset-cookie: b"',
  "a bare number": "17",
  "a key of upper case": "sluice; Hit",
  "a space before a semicolon": "sluice ; hit",
  "over 2,000 characters": `sluice; detail="${"x".repeat(2_000)}"`,
};

for (const [what, header] of Object.entries(none)) {
  test(`a header with ${what} is dropped`, () => {
    assert.equal(toldCacheStatus(header), null);
  });
}

test("a header that is nearly a list is dropped, and not tried in every way it could be one", () => {
  // Of ways that multiply there would be more than could be tried.
  const nearly = [`${"a,".repeat(999)}"`, `a${"; b=1".repeat(330)}; `, `a${";".repeat(1_990)}`];
  for (const header of nearly) assert.equal(toldCacheStatus(header), null);
});
