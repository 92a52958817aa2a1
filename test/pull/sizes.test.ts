import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { noise } from "../support/noise.ts";
import { TestMirror } from "../support/test-mirror.ts";

// Around nothing, and around the 32 KiB that are held back.
const sizes = [0, 1, 2, 32_767, 32_768, 32_769, 1_048_577];

for (const algorithm of ["sha256", "sha512"] as const) {
  test(`blobs of every size come whole by ${algorithm}, cold and warm`, async () => {
    await using hub = await FakeUpstream.start();
    await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
    for (const sizeBytes of sizes) {
      const bytes = noise(`${algorithm} ${sizeBytes}`, sizeBytes);
      const digest = digestOf(bytes, algorithm);
      hub.addBlob("library/app", { digest, bytes });

      const cold = await mirror.get(`/v2/app/blobs/${digest}`);
      await mirror.idle();
      const warm = await mirror.get(`/v2/app/blobs/${digest}`);

      for (const answer of [cold, warm]) {
        assert.equal(answer.status, 200, `${sizeBytes} bytes`);
        assert.equal(answer.complete, true);
        assert.ok(answer.body.equals(bytes));
        assert.equal(answer.headers["docker-content-digest"], digest);
      }
      assert.equal(warm.headers["cache-status"], "sluice; hit");
    }
    assert.equal(hub.count("GET", "/blobs/"), sizes.length);
  });
}
