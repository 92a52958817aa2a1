import assert from "node:assert/strict";
import { test } from "node:test";
import { imageOfSize } from "../support/images.ts";
import { CommandScene } from "./command-scene.ts";
import { assertPrintedInBoth } from "./printed-json.ts";

test("history tells the moves of a tag, the latest first, beside a daemon and without one", async () => {
  await using scene = await startScene();

  const { code, stdout, stderr } = await scene.run("history", "app:edge");
  await scene.stop();
  const offline = await scene.run("history", "docker.io/library/app:edge");

  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^docker\.io\/library\/app:edge\n\nWHEN +FROM +TO\n/);
  const [, , , second = "", first = ""] = stdout.split("\n");
  const digest = /sha256:[0-9a-f]{12}$/;
  assert.match(first, /^2026-01-01 00:00Z +\d+d ago +\(first seen\) +sha256:[0-9a-f]{12}$/);
  assert.match(second, /^2026-01-01 00:02Z +\d+d ago +sha256:[0-9a-f]{12} +sha256:[0-9a-f]{12}$/);
  assert.ok(second.includes(digest.exec(first)?.[0] ?? "?"));
  assert.equal(offline.stdout, stdout);
});

test("history --json is what programs were promised, beside a daemon and without one", async () => {
  await using scene = await startScene();
  await assertPrintedInBoth(scene, "history.json", ["history", "app:edge"]);
});

test("history of an image that is not stored is refused, and names what is near", async () => {
  await using scene = await startScene();

  const tag = await scene.run("history", "app:egde");
  const name = await scene.run("history", "docker.io/library/apps:edge");
  const nothing = await scene.run("history", "ghcr.io/owner/nothing");

  assert.deepEqual([tag.code, tag.stdout], [1, ""]);
  assert.equal(
    tag.stderr,
    "sluice: nothing is stored of docker.io/library/app:egde; near: docker.io/library/app:edge\n",
  );
  assert.match(name.stderr, /near: docker\.io\/library\/app:edge\n$/);
  assert.match(nothing.stderr, /owner\/nothing:latest; sluice ls lists what is\n$/);
});

test("history of what is no tag is refused with a sentence, without letters that a terminal obeys", async () => {
  await using scene = await startScene();

  const digest = await scene.run("history", `app@sha256:${"0".repeat(64)}`);
  const unknown = await scene.run("history", "quay.io/owner/image");
  const hostile = await scene.run("history", "app:\u001b[31m\u202e");

  assert.match(digest.stderr, /^sluice: a digest never moves/);
  assert.match(unknown.stderr, /^sluice: "quay\.io\/owner\/image": "quay\.io" is no upstream/);
  assert.equal(hostile.code, 2);
  for (const char of ["\u001b", "\u202e"]) assert.ok(!hostile.stderr.includes(char));
});

/** A tag that was pulled twice, and then moved. */
async function startScene(): Promise<CommandScene> {
  const scene = await CommandScene.start();
  const before = imageOfSize("before", 10);
  scene.hub.addImage("library/app", "edge", before);
  await scene.pull("app", "edge", before);
  await scene.pull("app", "edge", before);
  const after = imageOfSize("after", 10);
  scene.hub.addImage("library/app", "edge", after);
  await scene.pull("app", "edge", after);
  return scene;
}
