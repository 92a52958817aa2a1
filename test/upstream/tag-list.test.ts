import assert from "node:assert/strict";
import { test } from "node:test";
import { isTagList, nextPage } from "../../src/upstream/tag-list.ts";

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

const lists: readonly (readonly [text: string, isList: boolean])[] = [
  ['{"name":"a","tags":["1","2"]}', true],
  ['{"name":"a","tags":[]}', true],
  ['{"name":"a","tags":null}', true],
  ['{"name":"a"}', false],
  ['{"name":"a","tags":"1"}', false],
  ['["1"]', false],
  ["null", false],
  ["1", false],
  ["", false],
  ["<html>", false],
  ['{"tags":["1"]', false],
  ['{"__proto__":{"tags":[]}}', false],
  ["[".repeat(100_000), false],
];

for (const [text, isList] of lists) {
  test(`${text.slice(0, 40)} is ${isList ? "a" : "no"} list of tags`, () => {
    assert.equal(isTagList(Buffer.from(text)), isList);
  });
}
