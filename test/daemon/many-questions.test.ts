import assert from "node:assert/strict";
import { test } from "node:test";
import { TestMirror } from "../support/test-mirror.ts";

test("of many questions to the admin API at once some are told to come again, and probes of its health are answered", async () => {
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": "http://127.0.0.1:9" } });

  const [ready, ...answers] = await Promise.all([
    mirror.admin("/readyz"),
    ...Array.from({ length: 30 }, () => mirror.admin("/api/v1/images")),
  ]);

  const told = answers.filter(({ status }) => status === 503);
  assert.equal(ready?.status, 200);
  assert.ok(told.length > 0 && told.length < 30, `${told.length}`);
  for (const { headers, body } of told) {
    assert.equal(headers["retry-after"], "1");
    assert.match(body.toString(), /ask again in a moment/);
  }
  assert.equal((await mirror.admin("/api/v1/images")).status, 200, "when they are answered");
});
