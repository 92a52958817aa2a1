import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { blobFile, layoutOf } from "../../src/storage/layout.ts";
import { Pace } from "../../src/storage/verification/pace.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { noiseBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

test("what a scrub finds is logged, counted and set aside, and healed by the next pull", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blobs = ["one", "two", "three"].map((seed) => noiseBlob(seed, 100_000));
  for (const blob of blobs) {
    hub.addBlob("library/app", blob);
    await mirror.get(`/v2/app/blobs/${blob.digest}`);
  }
  await mirror.idle();
  const [rotten] = blobs;
  assert.ok(rotten);
  const layout = layoutOf(mirror.directory);
  await writeFile(blobFile(layout, rotten.digest), "x".repeat(100_000));
  const pace = new Pace({ rate: () => null, monotonicMs: () => 0 });
  const { verifier } = mirror.daemon.mirror;

  const found = await verifier.scrub({ pace, after: null }, new AbortController().signal);
  const metrics = (await mirror.admin("/metrics")).body.toString();
  const pulled = await mirror.get(`/v2/app/blobs/${rotten.digest}`);
  await mirror.idle();
  const again = await verifier.scrub({ pace, after: null }, new AbortController().signal);

  assert.deepEqual([found, again], [1, 0]);
  const { damage, digest, deed } =
    mirror.logLines.find(({ msg }) => msg === "stored content is damaged") ?? {};
  assert.deepEqual([damage, digest, deed], ["wrong-bytes", rotten.digest, "quarantined"]);
  assert.match(metrics, /^sluice_scrubbed_bytes_total 300000$/m);
  assert.match(metrics, /^sluice_stored_digest_mismatches_total 1$/m);
  assert.equal((await readdir(layout.quarantine)).length, 1);
  assert.equal(pulled.headers["cache-status"], "sluice; fwd=miss; stored");
  assert.ok(pulled.body.equals(rotten.bytes));
});

test("what is in quarantine counts against maxSize until it is thrown away", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("counted", 1_000_000);
  hub.addBlob("library/app", blob);
  await mirror.get(`/v2/app/blobs/${blob.digest}`);
  await mirror.idle();
  const used = async (): Promise<number> => {
    const { stored } = JSON.parse((await mirror.admin("/api/v1/stats")).body.toString());
    return stored.usedBytes;
  };
  await writeFile(blobFile(layoutOf(mirror.directory), blob.digest), "x".repeat(1_000_000));
  const pace = new Pace({ rate: () => null, monotonicMs: () => 0 });

  await mirror.daemon.mirror.verifier.scrub({ pace, after: null }, new AbortController().signal);

  assert.equal((await mirror.stored()).blobs, 0);
  assert.ok((await used()) > 1_000_000);
});
