import assert from "node:assert/strict";
import { test } from "node:test";
import { DistributionError } from "../../src/oci/distribution-error.ts";
import { answerForClient } from "../../src/server/answer-for-client.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { noiseBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const manifest = "/v2/team/app/manifests/latest";
const blob = `/v2/team/app/blobs/${noiseBlob("limited", 10).digest}`;
const list = "/v2/team/app/tags/list";

/** The status for each of them that a 429 of upstream becomes. */
const clients: readonly (readonly [userAgent: string, statuses: readonly number[]])[] = [
  ["containerd/1.6.20~ds1", [503, 503, 503]],
  ["containerd/v2.1.0", [503, 503, 503]],
  ["buildkit/v0.12", [503, 503, 503]],
  ["libpod/4.3.1", [503, 503, 503]],
  ["skopeo/1.9.3", [503, 503, 503]],
  ["Buildah/1.28.2", [503, 503, 503]],
  ["cri-o/1.28.0 go/go1.20 os/linux arch/amd64", [503, 503, 503]],
  ["containers/5.23.1 (github.com/containers/image)", [503, 503, 503]],
  ["docker/20.10.24 go/go1.19 UpstreamClient(Docker-Client/20.10.24 \\(linux\\))", [429, 503, 429]],
  ["curl/8.0", [429, 429, 429]],
  ["sluice/0.1.0", [429, 429, 429]],
];

test("a 429 of upstream is told to each client as it makes the best of it, with the time to wait", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  hub.overrideAll((_, response) => void response.writeHead(429, { "retry-after": "30" }).end());

  for (const [userAgent, statuses] of clients) {
    for (const [at, target] of [manifest, blob, list].entries()) {
      const answer = await mirror.get(target, { "user-agent": userAgent });
      assert.equal(answer.status, statuses[at], `${userAgent} ${target}`);
      assert.match(answer.headers["retry-after"] ?? "", /^(30|29)$/);
      const [error] = JSON.parse(answer.body.toString()).errors;
      assert.equal(error.code, "TOOMANYREQUESTS");
      assert.match(answer.reason, /: docker\.io answered with status 429/);
    }
  }
  assert.equal((await mirror.get(manifest)).status, 429, "to who says nothing of itself");
});

test("no other status depends on who asks", () => {
  for (const status of [403, 404, 502, 503, 504]) {
    const error = new DistributionError("UNAVAILABLE", "because", { status });
    for (const [userAgent] of clients) assert.equal(answerForClient(error, userAgent, null), error);
  }
});
