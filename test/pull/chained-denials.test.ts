import assert from "node:assert/strict";
import { test } from "node:test";
import type { FreshnessRule } from "../../src/config/config.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, topLayerOf } from "../support/images.ts";
import { startChain } from "../support/test-chain.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = imageOfSize("chained denials", 1_000);

test("the words of a parent's operator come through a chain to whoever is denied, whatever was asked", async () => {
  await using hub = await FakeUpstream.start();
  const rules = [{ ...noRule, match: "docker.io/library/*", denial: 'use "quay.io/good/*"' }];
  await using chain = await startChain({ hub, parent: { freshness: { rules } } });
  hub.addImage("library/app", "1", image);
  await using last = await TestMirror.start({
    upstreams: { "docker.io": `${chain.edges[0].url}/docker.io` },
  });
  const parent = new URL(chain.parent.url).host;
  const edge = new URL(chain.edges[0].url).host;

  for (const path of [
    "manifests/1",
    `manifests/${image.manifest.digest}`,
    `blobs/${topLayerOf(image).digest}`,
    "tags/list",
  ]) {
    for (const [mirror, told] of [
      [chain.edges[0], parent],
      [last, edge],
    ] as const) {
      const { status, body } = await mirror.get(`/v2/library/app/${path}`);
      const [error] = JSON.parse(body.toString()).errors;
      assert.deepEqual([status, error.code], [403, "DENIED"]);
      assert.equal(error.message, `use "quay.io/good/*" (told by the mirror at ${told})`, path);
      assert.equal(error.detail.mirror, told);
    }
  }
  assert.equal(hub.requests.length, 0);
});

test("a parent's words about a refusal reach clients as one line of printable letters, of 300 at most", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  hub.overrideAll((_, response) => {
    const header = `sluice; detail="${"x".repeat(600)}"`;
    response.writeHead(403, { "cache-status": header }).end("\u001b[31mred");
  });

  const { body } = await mirror.get("/v2/library/app/manifests/1");

  const [{ message }] = JSON.parse(body.toString()).errors;
  assert.match(message, /^x{300} \(told by the mirror at 127\.0\.0\.1:\d+\)$/);
});

const noRule: FreshnessRule = {
  match: "*",
  ttlMs: null,
  staleWhileRevalidateMs: null,
  staleIfErrorMs: null,
  negativeTtlMs: null,
  keeps: true,
  denial: null,
};
