import assert from "node:assert/strict";
import { test } from "node:test";
import { loggedTarget } from "../../src/server/logged-target.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { TestMirror } from "../support/test-mirror.ts";

test("a target is logged with the parameters that mean something, and no others", () => {
  const table: [target: string, logged: string][] = [
    ["/v2/", "/v2/"],
    ["/v2/app/tags/list?n=5&last=1.0", "/v2/app/tags/list?n=5&last=1.0"],
    ["/v2/?ns=ghcr.io", "/v2/?ns=ghcr.io"],
    ["/v2/app/tags/list?next_page=x%2Fy", "/v2/app/tags/list?next_page=x%2Fy"],
    ["/v2/?ns=ghcr.io&token=CANARY", "/v2/?ns=ghcr.io&…"],
    ["/v2/?CANARY", "/v2/?…"],
    ["/v2/?N=CANARY&sig=CANARY", "/v2/?…"],
    ["/v2/?ns=a&ns=b", "/v2/?ns=a&ns=b"],
    ["/v2/?ns=%0a%00", "/v2/?ns=%0A%00"],
    ["http://me:CANARY@mirror/v2/", "http://…@mirror/v2/"],
    ["http://mirror/v2/@x", "http://mirror/v2/@x"],
    [`/${"x".repeat(1000)}`, `/${"x".repeat(511)}`],
  ];
  for (const [target, logged] of table) assert.equal(loggedTarget(target), logged, target);
});

test("what clients write behind their targets beside that is in no line of the log", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });

  for (const target of ["/v2/", "/v2/app/tags/list", "/nowhere", "/v2/app/manifests/latest"])
    await mirror.get(`${target}?access_token=CANARY&ns=docker.io`);

  assert.equal(mirror.logLines.filter(({ target }) => target !== undefined).length, 4);
  assert.doesNotMatch(JSON.stringify(mirror.logLines), /CANARY/);
});
