import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, FakeUpstream } from "../support/fake-upstream.ts";
import { pagedTags } from "../support/paged-tags.ts";
import { TestMirror } from "../support/test-mirror.ts";

const tags = Array.from({ length: 250 }, (_, at) => `1.${(at * 37) % 250}`);
const list = "/v2/team/app/tags/list";

const upstreams: Readonly<Record<string, Answer>> = {
  "an upstream without pages": (_, response) => {
    response.end(JSON.stringify({ name: "team/app", tags }));
  },
  "an upstream with pages": pagedTags("team/app", tags, 1000),
};

for (const [what, answer] of Object.entries(upstreams)) {
  test(`the tags of ${what} are listed page by page, and each page is asked for once`, async () => {
    await using hub = await FakeUpstream.start();
    await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
    hub.override(list, answer);

    const pages = await pagesFrom(mirror, `${list}?n=100`);

    assert.deepEqual(
      pages.map(({ length }) => length),
      [100, 100, 50],
    );
    assert.deepEqual(pages.flat(), tags.toSorted());
    assert.equal(hub.requests.length, 3);
  });
}

async function pagesFrom(mirror: TestMirror, first: string): Promise<string[][]> {
  const pages: string[][] = [];
  for (let target: string | null = first; target; ) {
    const { body, headers } = await mirror.get(target);
    pages.push(JSON.parse(body.toString()).tags);
    target = /^<([^>]+)>; rel="next"$/.exec(headers["link"] ?? "")?.[1] ?? null;
  }
  return pages;
}
