import assert from "node:assert/strict";
import { test } from "node:test";
import type { Stats } from "../../src/admin/routes/stats.ts";
import { pointsOf } from "../../src/dashboard/time/points.ts";
import { latency } from "../../src/dashboard/words.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize } from "../support/images.ts";
import { pullImage } from "../support/pull-image.ts";
import { TestMirror } from "../support/test-mirror.ts";

test("a point of a chart is what happened in its step, for all upstreams and for one", async () => {
  await using hub = await FakeUpstream.start();
  await using ghcr = await FakeUpstream.start();
  const upstreams = { "docker.io": hub, "ghcr.io": ghcr };
  await using mirror = await TestMirror.start({ upstreams });
  hub.addImage("owner/app", "1", imageOfSize("app", 50_000));
  ghcr.addImage("owner/app", "1", imageOfSize("other", 50_000));
  await pullImage(mirror, "owner/app", "1");
  await mirror.admin("/api/v1/stats?window=1h");
  mirror.advance(2 * 3_600_000);
  await pullImage(mirror, "owner/app", "1");
  await pullImage(mirror, "ghcr.io/owner/app", "1");

  const { body } = await mirror.admin("/api/v1/stats?window=3h&step=1h");
  const { traffic } = JSON.parse(body.toString()) as Stats;
  assert.ok(traffic);
  const [first, between, last] = pointsOf(traffic, null);
  const [, , ofHub] = pointsOf(traffic, "docker.io");

  assert.equal(first?.atMs, Date.parse("2026-01-01T00:00:00Z"));
  assert.deepEqual(
    [first, between, last, ofHub].map((point) => point && [point.requests, point.hitRate]),
    [
      [3, 0],
      [0, null],
      [6, 0.5],
      [3, 1],
    ],
  );
  assert.deepEqual([first?.byteHitRate, between?.byteHitRate, ofHub?.byteHitRate], [0, null, 1]);
  assert.equal(first?.sentBytes, ofHub?.sentBytes);
  assert.deepEqual(pointsOf(traffic, "quay.io"), []);
});

test("a latency has two digits, and a dash where there was none", () => {
  assert.deepEqual([null, 0.123, 12.34, 999, 1234].map(latency), [
    "–",
    "0.12 ms",
    "12 ms",
    "1000 ms",
    "1.2 s",
  ]);
});
