import assert from "node:assert/strict";
import { test } from "node:test";
import { failureFrom } from "../../src/upstream/failure.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { TestMirror } from "../support/test-mirror.ts";

test("a name that cannot be looked up is told in words", () => {
  const table = {
    ENOTFOUND: "there is no address of the name ghcr.example (ENOTFOUND)",
    EAI_AGAIN: "no name server answers for ghcr.example (EAI_AGAIN)",
  };
  for (const [code, reason] of Object.entries(table)) {
    const hostname = "ghcr.example";
    const error = Object.assign(new Error(`getaddrinfo ${code} ${hostname}`), { code, hostname });

    assert.deepEqual(failureFrom(error, "header"), { kind: "unreachable", reason });
  }
});

test("an endpoint that answers 400 without words over plain http may want TLS", async () => {
  await using hub = await FakeUpstream.start();
  hub.overrideAll((_request, response) => void response.writeHead(400).end());
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub.url } });

  const { status, body } = await mirror.get("/v2/library/alpine/manifests/latest");

  assert.equal(status, 502);
  assert.match(
    body.toString(),
    /answered with status 400: if it is meant to speak TLS, write https:/,
  );
});
