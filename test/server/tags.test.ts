import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { TestMirror } from "../support/test-mirror.ts";

const upstreamPath = "/v2/team/app/tags/list";
const next = '</v2/team/app/tags/list?n=2&last=b%2B1>; rel="next"';
const page = '{"name":"team/app","tags":["a","b+1"]}';

const links: readonly (readonly [asked: string, link: string])[] = [
  ["/v2/team/app/tags/list?n=2", "/v2/team/app/tags/list?n=2&last=b%2B1"],
  ["/v2/team/app/tags/list?n=2&ns=ghcr.io", "/v2/team/app/tags/list?n=2&last=b%2B1&ns=ghcr.io"],
  ["/ghcr.io/v2/team/app/tags/list?n=2", "/ghcr.io/v2/team/app/tags/list?n=2&last=b%2B1"],
  ["/v2/ghcr.io/team/app/tags/list?n=2", "/v2/ghcr.io/team/app/tags/list?n=2&last=b%2B1"],
  [
    "/ghcr.io/v2/team/app/tags/list?n=2&last=a&ns=ghcr.io&x=y",
    "/ghcr.io/v2/team/app/tags/list?n=2&last=b%2B1&ns=ghcr.io",
  ],
];

test("the next page of the tags is at the mirror, by the way this one was asked for", async (t) => {
  await using ghcr = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "ghcr.io": ghcr } });
  for (const [asked, link] of links) {
    await t.test(asked, async () => {
      ghcr.override(
        upstreamPath,
        (_, response) => void response.writeHead(200, { link: next }).end(page),
      );

      const answer = await mirror.get(asked);

      assert.equal(answer.status, 200);
      assert.equal(answer.body.toString(), page);
      assert.equal(answer.headers["content-type"], "application/json");
      assert.equal(answer.headers["cache-status"], "sluice; fwd=bypass");
      assert.equal(answer.headers["link"], `<${link}>; rel="next"`);
      // And it is followed to the right page upstream.
      ghcr.override(upstreamPath, null);
      await mirror.get(link);
      assert.equal(ghcr.requests.at(-1)?.target, "/v2/team/app/tags/list?n=2&last=b%2B1");
    });
  }
});

const evil: readonly string[] = [
  '<http://evil.example/x?last=b&n=2>; rel="next"',
  '<//evil.example/v2/team/app/tags/list?last=b&n=2>; rel="next"',
  '</../../x?last=b&n=2>; rel="next"',
];

test("a link elsewhere is taken for its page only, and never asked", async () => {
  await using ghcr = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "ghcr.io": ghcr } });
  for (const link of evil) {
    ghcr.override(upstreamPath, (_, response) => void response.writeHead(200, { link }).end(page));

    const answer = await mirror.get(upstreamPath);

    assert.equal(answer.headers["link"], `<${upstreamPath}?n=2&last=b>; rel="next"`);
  }
  assert.equal(ghcr.requests.length, evil.length);
});

test("a link leads to the upstream that the list is of, whatever else stands in the query", async () => {
  await using ghcr = await FakeUpstream.start();
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": hub, "ghcr.io": ghcr },
  });
  const link = '</v2/x?last=b>; rel="next"';
  ghcr.override(upstreamPath, (_, response) => void response.writeHead(200, { link }).end(page));

  for (const query of ["?x=?&ns=ghcr.io", "?ns=&ns=ghcr.io"]) {
    const answer = await mirror.get(`${upstreamPath}${query}`);

    assert.equal(answer.headers["link"], `<${upstreamPath}?last=b&ns=ghcr.io>; rel="next"`);
  }
});

test("n and last go upstream as they came, and the last page has no link", async () => {
  await using ghcr = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "ghcr.io": ghcr } });
  ghcr.override(upstreamPath, (_, response) => void response.writeHead(200).end(page));

  for (const query of ["", "?n=2147483647", "?n=-1", "?n=x&last=", "?last=%00"]) {
    const answer = await mirror.get(`${upstreamPath}${query}`);

    assert.equal(answer.status, 200);
    assert.equal(answer.headers["link"], undefined);
    assert.equal(ghcr.requests.at(-1)?.target, `${upstreamPath}${query}`);
  }
});

test("a repository that upstream does not have is NAME_UNKNOWN, what is no list is a 502", async () => {
  await using ghcr = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "ghcr.io": ghcr } });

  const unknown = await mirror.get(upstreamPath);
  assert.equal(unknown.status, 404);
  assert.equal(JSON.parse(unknown.body.toString()).errors[0].code, "NAME_UNKNOWN");

  for (const body of ["<html>", "[]", '{"name":"team/app"}', ""]) {
    ghcr.override(upstreamPath, (_, response) => void response.writeHead(200).end(body));
    assert.equal((await mirror.get(upstreamPath)).status, 502);
  }
});
