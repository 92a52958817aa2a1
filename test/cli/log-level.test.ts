import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandScene } from "./command-scene.ts";
import { assertPrinted } from "./printed-json.ts";

test("log-level changes what the daemon logs for a while, and says so in its log", async () => {
  await using scene = await CommandScene.start();

  const before = await scene.run("log-level");
  const changed = await scene.run("log-level", "debug", "--for", "1h");
  await assertPrinted(scene, "log-level.json", ["log-level"]);

  assert.equal(before.stdout, "info, as configured\n");
  assert.equal(changed.stdout, "debug until 2026-01-01T01:00:00Z, then info\n");
  const audit = scene.mirror.logLines.filter(({ msg }) => msg === "change was asked for");
  assert.partialDeepStrictEqual(audit, [
    {
      by: "the control socket",
      target: "/api/v1/log-level",
      order: { level: "debug", forSeconds: 3600 },
    },
  ]);
});

test("log-level refuses what is no level or duration, and says so where no daemon runs", async () => {
  await using scene = await CommandScene.start();

  const level = await scene.run("log-level", "loud");
  const duration = await scene.run("log-level", "debug", "--for", "ever");
  const tooLong = await scene.run("log-level", "debug", "--for", "30d");
  await scene.stop();
  const nobody = await scene.run("log-level");

  assert.deepEqual([level.code, duration.code, tooLong.code, nobody.code], [2, 2, 2, 1]);
  for (const { stderr } of [duration, tooLong])
    assert.match(stderr, /It is not a duration from 1s to 1d; write for example 10m/);
  assert.match(nobody.stderr, /no daemon runs on/);
});
