import assert from "node:assert/strict";
import { test } from "node:test";
import { lowMark, pullLimitIn } from "../../src/upstream/accounts/pull-limit.ts";

const hour = 3_600_000;

test("Docker Hub's headers say the limit, what is left, the window and whose it is", () => {
  const headers = {
    "ratelimit-limit": "100;w=21600",
    "ratelimit-remaining": "20;w=21600",
    "docker-ratelimit-source": "2001:db8::1",
  };

  assert.deepEqual(pullLimitIn(headers), {
    limit: 100,
    remaining: 20,
    windowMs: 6 * hour,
    source: "2001:db8::1",
  });
});

const rows: readonly (readonly [string, Record<string, string>, object])[] = [
  ["no window", {}, { windowMs: hour }],
  ["a window of the limit only", { "ratelimit-limit": "100; w=60" }, { windowMs: 60_000 }],
  ["a reset in the place of a window", { "ratelimit-reset": "30" }, { windowMs: 30_000 }],
  ["the policy behind the limit", { "ratelimit-limit": "100, 100;w=60" }, { windowMs: 60_000 }],
  ["more left than there can be", { "ratelimit-remaining": "500" }, { remaining: 100 }],
  ["nothing left", { "ratelimit-remaining": "0;w=60" }, { remaining: 0, windowMs: 60_000 }],
  ["a source of odd letters", { "docker-ratelimit-source": "a\r\nb" }, { source: null }],
  ["a source without an end", { "docker-ratelimit-source": "a".repeat(65) }, { source: null }],
];

for (const [what, headers, expected] of rows) {
  test(`the limit is read from headers with ${what}`, () => {
    const usual = { "ratelimit-limit": "100", "ratelimit-remaining": "20" };
    const common = { limit: 100, remaining: 20, windowMs: hour, source: null };
    assert.deepEqual(pullLimitIn({ ...usual, ...headers }), { ...common, ...expected });
  });
}

const none: Readonly<Record<string, Record<string, string>>> = {
  "no headers": {},
  "a limit alone": { "ratelimit-limit": "100;w=21600" },
  "what is left alone": { "ratelimit-remaining": "20" },
  "a limit of nothing": { "ratelimit-limit": "0", "ratelimit-remaining": "0" },
  "negative numbers": { "ratelimit-limit": "100", "ratelimit-remaining": "-1" },
  words: { "ratelimit-limit": "many", "ratelimit-remaining": "some" },
  "numbers beyond all": { "ratelimit-limit": "9".repeat(10), "ratelimit-remaining": "1" },
};

for (const [what, headers] of Object.entries(none)) {
  test(`${what} tell of no limit`, () => {
    assert.equal(pullLimitIn(headers), null);
  });
}

test("few pulls are left at a tenth of the limit or ten, but never at half of it", () => {
  assert.deepEqual([1_000, 200, 100, 50, 10, 4].map(lowMark), [100, 20, 10, 10, 5, 2]);
});
