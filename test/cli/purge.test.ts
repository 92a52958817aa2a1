import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { eventually } from "../support/eventually.ts";
import { imageOfSize, ociImage, ociIndex, topLayerOf } from "../support/images.ts";
import { noise } from "../support/noise.ts";
import { haveAll } from "../support/real-program.ts";
import { CommandScene } from "./command-scene.ts";
import { sluice } from "./run-sluice.ts";

const mib = 1024 ** 2;

test("what is purged is shown first, goes, and is asked of upstream by the next pull", async () => {
  await using scene = await startScene();
  const before = await scene.mirror.stored();

  const planned = await scene.run("purge", "--dry-run", "a");
  const between = await scene.mirror.stored();
  const purged = await scene.run("purge", "--yes", "a");
  const after = await scene.mirror.stored();
  const asked = scene.hub.requests.length;
  await scene.mirror.get("/v2/a/manifests/latest");
  const seen = scene.hub.requests.slice(asked).map(({ method, target }) => `${method} ${target}`);

  assert.deepEqual([planned.code, planned.stderr], [0, ""]);
  assert.match(planned.stdout, /^Would purge 1 tag and free 1 MiB:\n\nIMAGE +FREES +LAST PULL/);
  assert.match(
    planned.stdout,
    /\nNamed by the command, and by nothing else that stays:\n {2}docker/,
  );
  assert.match(planned.stdout, /docker\.io\/library\/a:latest +1 MiB/);
  assert.deepEqual(between, before);
  assert.deepEqual(purged, {
    code: 0,
    stdout: "Purged 1 tag and freed 1 MiB in 3 blobs.\n",
    stderr: "",
  });
  assert.equal(before.blobs - after.blobs, 3);
  assert.deepEqual(
    seen.map((one) => one.split(" ")[0]),
    ["HEAD", "GET"],
  );
  const { by, target } =
    scene.mirror.logLines.find(({ msg }) => msg === "change was asked for") ?? {};
  assert.deepEqual([by, target], ["the control socket", "/api/v1/purge"]);
});

test("purge without a daemon works in the storage directory, by pattern and by digest", async () => {
  await using scene = await startScene();
  const { digest } = imageOfSize("purged b", mib).manifest;
  await scene.stop();

  const one = await scene.run("purge", "--yes", `b@${digest}`);
  const rest = await scene.run("purge", "--yes", "--json", "docker.io/*");
  const verified = await scene.run("verify");

  assert.equal(one.stdout, "Purged 1 tag and freed 1 MiB in 3 blobs.\n");
  assert.partialDeepStrictEqual(JSON.parse(rest.stdout), { dryRun: false, tags: 1, objects: 3 });
  assert.equal(verified.stdout, "Checked 0 blobs, 0 B: all is right.\n");
});

test("purge leaves content that another tag or another repository has", async () => {
  await using scene = await CommandScene.start();
  const shared = imageOfSize("shared", mib);
  scene.hub.addImage("library/app", "1", shared);
  scene.hub.addImage("library/app", "2", shared);
  scene.hub.addImage("library/copy", "1", shared);
  await scene.pull("app", "1", shared);
  await scene.pull("app", "2", shared);
  await scene.pull("copy", "1", shared);

  const tag = await scene.run("purge", "--yes", "app:1");
  const again = await scene.run("purge", "--yes", "app:1");
  const repository = await scene.run("purge", "--yes", "app");
  const kept = await scene.mirror.stored();
  const asked = scene.hub.requests.length;
  const other = await scene.mirror.get(`/v2/copy/blobs/${topLayerOf(shared).digest}`);
  const last = await scene.run("purge", "--yes", "copy");

  assert.equal(tag.stdout, "Purged 1 tag; the content stays, for others have it.\n");
  assert.match(again.stderr, /^sluice: nothing is stored of docker\.io\/library\/app:1; near: /);
  assert.equal(repository.stdout, "Purged 1 tag; the content stays, for others have it.\n");
  assert.equal(kept.blobs, 3);
  assert.equal(other.headers["cache-status"], "sluice; hit");
  assert.equal(scene.hub.requests.length, asked);
  assert.equal(last.stdout, "Purged 1 tag and freed 1 MiB in 3 blobs.\n");
});

test("purge leaves layers that other images need, and takes an image index with its children", async () => {
  await using scene = await CommandScene.start();
  const base = [{ path: "base", bytes: noise("base", mib) }];
  const index = ociIndex([
    { architecture: "amd64", layers: [base, [{ path: "own", bytes: noise("own", 1000) }]] },
  ]);
  const other = ociImage({ layers: [base, [{ path: "other", bytes: noise("other", 1000) }]] });
  scene.hub.addImage("library/multi", "1", index);
  scene.hub.addImage("library/other", "1", other);
  await scene.pull("multi", "1", index);
  await scene.pull("other", "1", other);

  const planned = await scene.run("purge", "--dry-run", "--json", "multi:1");
  const purged = await scene.run("purge", "--yes", "multi:1");

  const { victims } = JSON.parse(planned.stdout);
  assert.equal(victims.length, 1);
  assert.deepEqual(victims[0].kept.objects, 1);
  // The index, its child, a config and a layer.
  assert.equal(victims[0].freed.length, 4);
  assert.match(purged.stdout, / in 4 blobs\.\n$/);
  assert.equal((await scene.run("verify")).code, 0);
  const stays = await scene.mirror.get(`/v2/other/blobs/${other.blobs[1]?.digest}`);
  assert.equal(stays.headers["cache-status"], "sluice; hit");
});

test("a client that reads a blob while it is purged gets all of it", async () => {
  await using scene = await startScene();
  const { digest, bytes } = topLayerOf(imageOfSize("purged a", mib));
  using reader = scene.mirror.open(`/v2/a/blobs/${digest}`);
  reader.pause();
  await reader.sent;

  const purged = await scene.run("purge", "--yes", "a");
  reader.resume();
  const { body } = await reader.when(({ complete }) => complete);

  assert.equal(purged.code, 0);
  assert.ok(body.equals(bytes));
});

test("purge forgets that something was not found, too, and takes what is pinned", async () => {
  await using scene = await startScene(["docker.io/library/*"]);
  await scene.mirror.get("/v2/a/manifests/new");
  scene.hub.addImage("library/a", "new", imageOfSize("new", 1000));

  const purged = await scene.run("purge", "--dry-run", "a");
  await scene.run("purge", "--yes", "a");
  const found = await scene.mirror.get("/v2/a/manifests/new");

  assert.match(
    purged.stdout,
    /\npinned {3}docker\.io\/library\/\* keeps nothing from being purged\n/,
  );
  assert.equal(found.status, 200);
});

test("nothing is purged where one name is wrong, or nobody is there to say yes", async () => {
  await using scene = await startScene();
  const table: [readonly string[], number, RegExp][] = [
    [["a"], 2, /nobody is there to be asked: say --yes, or --dry-run/],
    [["--yes", "a", "c:1"], 1, /^sluice: nothing is stored of docker\.io\/library\/c:1/],
    [["--yes", "a", "quay.io/*"], 1, /^sluice: nothing that is stored matches quay\.io\/\*/],
    [["--yes", "a", "[b"], 2, /^sluice: "\[b" is no pattern of images; write for example/],
    [[], 2, /missing required argument 'image'/],
  ];
  for (const [args, code, message] of table) {
    const outcome = await scene.run("purge", ...args);
    assert.equal(outcome.code, code, args.join(" "));
    assert.match(outcome.stderr, message);
  }
  assert.equal((await scene.mirror.stored()).blobs, 6);
});

test("purge on a terminal shows what goes, and purges only if it is told yes", async (t) => {
  if (!haveAll(t, "script")) return;
  await using scene = await startScene();

  const kept = await answered(scene, "n");
  const between = await scene.mirror.stored();
  const gone = await answered(scene, "y");

  assert.match(
    kept,
    /^Would purge 1 tag and free 1 MiB:\n.*\nPurge that\? \[y\/N\] n\nNothing was purged\.\n$/s,
  );
  assert.equal(between.blobs, 6);
  assert.match(gone, /\[y\/N\] y\nPurged 1 tag and freed 1 MiB in 3 blobs\.\n$/);
  for (const line of kept.split("\n")) assert.ok(line.length <= 80, line);
});

/** What a terminal shows when the question is answered so. */
async function answered(scene: CommandScene, answer: string): Promise<string> {
  const command = `stty cols 80 rows 24; ${sluice} purge a --config ${scene.file}`;
  const child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"]);
  let shown = "";
  child.stdout.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
  });
  await eventually("it asks", () => shown.includes("[y/N]"));
  child.stdin.write(`${answer}\n`);
  await text(child.stderr);
  return stripVTControlCharacters(shown).replaceAll("\r", "");
}

/** A daemon that has stored a:latest and b:latest, of a MiB each. */
async function startScene(pins: readonly string[] = []): Promise<CommandScene> {
  const scene = await CommandScene.start({ eviction: { pins } });
  for (const name of ["a", "b"]) {
    const image = imageOfSize(`purged ${name}`, mib);
    scene.hub.addImage(`library/${name}`, "latest", image);
    await scene.pull(name, "latest", image);
  }
  return scene;
}
