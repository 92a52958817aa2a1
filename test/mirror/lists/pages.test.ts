import assert from "node:assert/strict";
import { test } from "node:test";
import { countOf, firstPage, pageOutOf } from "../../../src/mirror/lists/pages.ts";
import type { Page } from "../../../src/oci/route.ts";

const whole = ["c", "a", "B", "d"];

const cut: readonly (readonly [asked: Partial<Page>, names: readonly string[], next: unknown])[] = [
  [{}, ["B", "a", "c", "d"], null],
  [{ n: "2" }, ["B", "a"], { n: "2", last: "a", token: null }],
  [{ n: "2", last: "a" }, ["c", "d"], null],
  [{ n: "1", last: "a" }, ["c"], { n: "1", last: "c", token: null }],
  [{ n: "3", last: "a" }, ["c", "d"], null],
  [{ n: "3", last: "aa" }, ["c", "d"], null],
  [{ last: "c" }, ["d"], null],
  [{ last: "d" }, [], null],
  [{ last: "" }, ["B", "a", "c", "d"], null],
  [{ n: "0" }, [], null],
  [{ n: "0", last: "a" }, [], null],
];

for (const [asked, names, next] of cut) {
  test(`out of ${whole} the page ${JSON.stringify(asked)} is ${names}`, () => {
    assert.deepEqual(pageOutOf(listOf(whole), pageOf(asked)), { names, next });
  });
}

const following = pageOf({ last: "z" });
const asTheyCame: readonly (readonly [
  what: string,
  list: Parameters<typeof pageOutOf>[0],
  asked: Partial<Page>,
])[] = [
  ["a list in the order of its bytes", listOf(["B", "a", "c"]), {}],
  ["a list in the order of its letters", listOf(["a", "B", "c"]), {}],
  ["a page with no more than was asked for", listOf(["a", "b"]), { n: "2" }],
  ["a page behind the last one", listOf(["c", "d"]), { n: "2", last: "b" }],
  // By the rules of a language, which ignore the dots and dashes at first.
  ["a page in an order of its own", listOf(["1.0-alpha", "1.10"]), { last: "1.0.1" }],
  ["a page that leads to another", listOf(["c", "a"], following), {}],
  ["a page of more than was asked for that leads to another", listOf(whole, following), { n: "1" }],
  ["what was not asked for by a number", listOf(["a", "b"]), { n: "-1" }],
  ["nothing", listOf([]), {}],
];

for (const [what, list, asked] of asTheyCame) {
  test(`a list stays as it came: ${what}`, () => {
    assert.equal(pageOutOf(list, pageOf(asked)), null);
  });
}

test("n=0 lists nothing, also of an upstream that has pages and takes it for any", () => {
  const page = pageOutOf(listOf(whole, following), pageOf({ n: "0" }));

  assert.deepEqual(page, { names: [], next: null });
});

test("following the pages leads through everything once, and ends", () => {
  const tags = Array.from({ length: 100 }, (_, at) => `1.${(at * 37) % 100}`);
  const seen: string[] = [];

  for (let page: Page | null = pageOf({ n: "7" }); page; ) {
    const cut = pageOutOf(listOf(tags), page);
    seen.push(...(cut?.names ?? []));
    page = cut?.next ?? null;
  }

  assert.deepEqual(seen, tags.toSorted());
});

test("a page of what is cached has as many as were asked for, at most a thousand", () => {
  const counts = [null, "", "x", "-1", "0", "1", "1000", "1001", "2147483647"].map((n) =>
    countOf(pageOf({ n })),
  );

  assert.deepEqual(counts, [1000, 1000, 1000, 1000, 0, 1, 1000, 1000, 1000]);
});

test("a page leads on only if there is more, and never from nothing", () => {
  const { next } = firstPage(["a", "b"], pageOf({ n: "1" }), 1);

  assert.deepEqual(next, { n: "1", last: "a", token: null });
  assert.equal(firstPage(["a"], pageOf({ n: "1" }), 1).next, null);
  assert.equal(firstPage(["a"], pageOf({ n: "0" }), 0).next, null);
});

function pageOf(asked: Partial<Page>): Page {
  return { n: null, last: null, token: null, ...asked };
}

function listOf(
  tags: readonly string[],
  next: Page | null = null,
): Parameters<typeof pageOutOf>[0] {
  return { bytes: Buffer.alloc(0), tags, next };
}
