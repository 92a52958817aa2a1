import assert from "node:assert/strict";
import { test } from "node:test";
import type { Stats } from "../../src/admin/routes/stats.ts";
import { renderStats } from "../../src/cli/commands/stats.ts";
import { imageOfSize } from "../support/images.ts";
import { CommandScene } from "./command-scene.ts";

test("stats tells what was saved by requests and by bytes, in all and for each upstream", async () => {
  await using scene = await CommandScene.start();
  const image = imageOfSize("saved", 1024 ** 2);
  scene.hub.addImage("library/app", "1", image);
  for (let pull = 0; pull < 4; pull++) await scene.pull("app", "1", image);

  const { code, stdout } = await scene.run("stats");
  const told: Stats = JSON.parse((await scene.run("stats", "--json")).stdout);
  await scene.stop();
  const offline = await scene.run("stats");

  assert.equal(code, 0);
  assert.match(stdout, /\nsaved {4}3 MiB, 75\.0% of the bytes, 75\.0% of the requests\n/);
  assert.match(stdout, /\ndocker\.io +12 +9 +3 +0 +0 +4 MiB +1 MiB +75\.0%\n/);
  assert.partialDeepStrictEqual(told.total, { hitRate: 0.75 });
  const [hub] = told.upstreams;
  assert.equal(hub?.savedBytes, (hub?.sentBytes ?? 0) - (hub?.receivedBytes ?? 0));
  assert.equal(hub.byteHitRate, hub.savedBytes / hub.sentBytes);
  assert.match(offline.stdout, /no daemon runs/);
});

test("large numbers and long names in stats stay within 80 columns", () => {
  const upstream = {
    upstream: "registry.internal.example.com:5000",
    requests: 1_234_567,
    hits: 1_234_567,
    misses: 123_456,
    stale: 123,
    errors: 12_345,
    unstored: 0,
    sentBytes: 12 * 2 ** 40,
    receivedBytes: 123 * 2 ** 30,
    hitRate: 1,
    byteHitRate: 0.99,
    savedBytes: 11 * 2 ** 40,
  };
  const text = renderStats(
    {
      since: "2026-01-01T00:00:00.000Z",
      upstreams: [upstream],
      total: upstream,
      stored: { blobs: 1, bytes: 1, usedBytes: 1, limitBytes: 2 },
      fillsInFlight: 0,
      limits: [],
      endpoints: [],
      traffic: null,
    },
    "/data",
    Date.parse("2026-02-01T00:00:00Z"),
  );
  for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
});

test("before the first pull stats tells no hit rate", async () => {
  await using scene = await CommandScene.start();
  const { total }: Stats = JSON.parse((await scene.run("stats", "--json")).stdout);
  assert.deepEqual(total, { hitRate: null, byteHitRate: null, savedBytes: 0 });
});
