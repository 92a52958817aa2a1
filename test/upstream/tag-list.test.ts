import assert from "node:assert/strict";
import { test } from "node:test";
import { nextPage, tagsIn } from "../../src/upstream/tag-list.ts";

const links: readonly (readonly [what: string, header: string | undefined, next: unknown])[] = [
  ["a path", '</v2/a/tags/list?last=b&n=2>; rel="next"', { n: "2", last: "b", token: null }],
  [
    "a URL",
    '<https://r.example/v2/a/tags/list?n=2&last=b>; rel="next"',
    { n: "2", last: "b", token: null },
  ],
  [
    "a URL elsewhere",
    '<http://evil.example/?n=2&last=b>; rel="next"',
    { n: "2", last: "b", token: null },
  ],
  ["relative to the list", '<?n=2&last=b>; rel="next"', { n: "2", last: "b", token: null }],
  ["without n", '</v2/a/tags/list?last=b>; rel="next"', { n: null, last: "b", token: null }],
  ["without quotes", "</v2/a/tags/list?last=b>;rel=next", { n: null, last: "b", token: null }],
  [
    "with an escaped tag",
    '</v2/a/tags/list?last=b%2Bc>; rel="next"',
    { n: null, last: "b+c", token: null },
  ],
  [
    "with other parameters",
    '</l?last=b&token=SECRET&ns=x>; rel="next"',
    { n: null, last: "b", token: null },
  ],
  [
    "behind another link",
    '</l?n=1>; rel="prev", </l?last=b>; rel="next"',
    { n: null, last: "b", token: null },
  ],
  [
    "behind other parameters",
    '</l?last=b>; title="a, b"; rel="next"; x=y',
    { n: null, last: "b", token: null },
  ],
  ["in upper case", '</l?last=b>; REL="Next"', { n: null, last: "b", token: null }],
  ["no header", undefined, null],
  ["an empty header", "", null],
  ["another relation", '</v2/a/tags/list?last=b>; rel="prev"', null],
  ["a relation that only begins so", '</v2/a/tags/list?last=b>; rel="nextish"', null],
  ["no URL", '<http://[>; rel="next"', null],
  ["no brackets", '/v2/a/tags/list?last=b; rel="next"', null],
  [
    "a token, as quay.io does",
    '</l?n=2&next_page=T>; rel="next"',
    { n: "2", last: null, token: "T" },
  ],
  // Without a name our own link would lead to the first page again, and a client round in circles.
  ["a parameter that we do not know", '</l?n=2&cursor=TOKEN>; rel="next"', null],
  ["an empty last", '</l?n=2&last=>; rel="next"', null],
  ["16 KiB of openings", "<".repeat(16 * 1024), null],
  ["16 KiB of commas", ",".repeat(16 * 1024), null],
  ["16 KiB of almost links", '</a>; rel="prev",'.repeat(1024), null],
  ["a URL of 16 KiB", `</l?last=${"b".repeat(16 * 1024)}>; rel="next"`, null],
];

for (const [what, header, next] of links) {
  test(`the next page by ${what} is ${JSON.stringify(next)}`, () => {
    assert.deepEqual(nextPage(header), next);
  });
}

const lists: readonly (readonly [text: string, tags: readonly string[] | null])[] = [
  ['{"name":"a","tags":["2","1"]}', ["2", "1"]],
  ['{"name":"a","tags":[]}', []],
  ['{"name":"a","tags":null}', []],
  ['{"name":"a"}', null],
  ['{"name":"a","tags":"1"}', null],
  ['{"name":"a","tags":["1",2]}', null],
  ['["1"]', null],
  ["null", null],
  ["1", null],
  ["", null],
  ["<html>", null],
  ['{"tags":["1"]', null],
  ['{"__proto__":{"tags":[]}}', null],
  ["[".repeat(100_000), null],
  [`{"tags":["1"],"more":[${"[],".repeat(200_000)}[]]}`, null],
];

for (const [text, tags] of lists) {
  test(`the tags in ${JSON.stringify(text.slice(0, 40))} are ${JSON.stringify(tags)}`, () => {
    assert.deepEqual(tagsIn(Buffer.from(text)), tags);
  });
}
