import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { eventually } from "../support/eventually.ts";
import { imageOfSize, ociImage, ociIndex, type TestImage, topLayerOf } from "../support/images.ts";
import { noise } from "../support/noise.ts";
import { haveAll } from "../support/real-program.ts";
import { CommandScene } from "./command-scene.ts";
import { sluice } from "./run-sluice.ts";

const mib = 1024 ** 2;

test("an image that was prefetched is a hit, and upstream is asked for it once", async () => {
  await using scene = await CommandScene.start();
  const image = imageOfSize("prefetched", mib);
  scene.hub.addImage("library/app", "1", image);

  const fetched = await scene.run("prefetch", "app:1");
  await scene.mirror.idle();
  const again = await scene.run("prefetch", "app:1");
  const before = scene.hub.requests.length;
  const pulled = await scene.mirror.get(`/v2/app/blobs/${topLayerOf(image).digest}`);

  assert.deepEqual(fetched, {
    code: 0,
    stdout: "docker.io/library/app:1  1 MiB fetched\n",
    stderr: "",
  });
  assert.deepEqual(
    [again.code, again.stdout],
    [0, "docker.io/library/app:1  1 MiB were here already\n"],
  );
  assert.equal(pulled.headers["cache-status"], "sluice; hit");
  assert.equal(scene.hub.requests.length, before);
  assert.equal(scene.hub.count("GET", "/blobs/"), 2);
});

test("prefetch without a daemon stores the image all the same", async () => {
  await using scene = await CommandScene.start();
  const image = imageOfSize("prefetched alone", mib);
  scene.github.addImage("owner/app", "1", image);
  await scene.stop();

  const fetched = await scene.run("prefetch", "ghcr.io/owner/app:1");
  const verified = await scene.run("verify");

  assert.deepEqual([fetched.code, fetched.stderr], [0, ""]);
  assert.match(verified.stdout, /^Checked 3 blobs, 1 MiB: all is right\.\n/);
});

test("prefetch takes those platforms of an image index that it is told, or all", async () => {
  await using scene = await CommandScene.start();
  const index = indexOfTwo();
  scene.hub.addImage("library/multi", "1", index);
  const [amd64, arm64] = index.children.map((child) => topLayerOf(child).digest);

  const one = await scene.run("prefetch", "--platform", "linux/arm64", "multi:1");
  const first = scene.hub.requests.map(({ target }) => target);
  const lacking = await scene.run("prefetch", "--platform", "linux/s390x", "multi:1");
  const all = await scene.run("prefetch", "--platform", "all", "multi:1");
  const wrong = await scene.run("prefetch", "--platform", "arm64", "multi:1");

  assert.equal(one.code, 0);
  assert.ok(first.some((target) => target.endsWith(arm64 ?? "")));
  assert.ok(!first.some((target) => target.endsWith(amd64 ?? "")));
  assert.equal(lacking.code, 1);
  assert.match(
    lacking.stdout,
    /failed: it has no linux\/s390x; it has linux\/amd64, linux\/arm64\n/,
  );
  assert.equal(all.code, 0);
  assert.equal(scene.hub.count("GET", amd64 ?? ""), 1);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /^sluice: "arm64" is no platform; write for example linux\/arm64/);
});

test("prefetch --dry-run tells what would come, as far as that is known, and asks nobody", async () => {
  await using scene = await CommandScene.start();
  const index = indexOfTwo();
  scene.hub.addImage("library/multi", "1", index);
  await scene.run("prefetch", "--platform", "linux/arm64", "multi:1");
  await scene.mirror.idle();
  const asked = scene.hub.requests.length;

  const both = ["--dry-run", "--platform", "linux/amd64,linux/arm64", "multi:1"];
  const { code, stdout, stderr } = await scene.run("prefetch", ...both, "other:1");
  const whole = await scene.run("prefetch", "--dry-run", "--platform", "linux/arm64", "multi:1");
  const lacking = await scene.run("prefetch", "--dry-run", "--platform", "linux/s390x", "multi:1");
  const [plan] = (await scene.run("prefetch", "--json", ...both)).stdout.split("\n");

  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(
    stdout,
    /^docker\.io\/library\/multi:1 {2}at least \d+ B would be fetched, .+ are here\n/,
  );
  assert.match(stdout, /\ndocker\.io\/library\/other:1 {2}nothing of it is here; .+\n$/);
  assert.match(whole.stdout, / are here, and nothing is missing\n$/);
  assert.equal(lacking.code, 1);
  assert.match(lacking.stdout, / would fail: it has no linux\/s390x; /);
  const { kind, missingBlobs, unknownManifests, presentBlobs } = JSON.parse(plan ?? "");
  assert.deepEqual([kind, missingBlobs, unknownManifests, presentBlobs], ["plan", 1, 1, 4]);
  assert.equal(scene.hub.requests.length, asked);
});

test("prefetch tells which images failed and stores the others; names come from a file too", async () => {
  await using scene = await CommandScene.start();
  for (const name of ["a", "b"]) {
    scene.hub.addImage(`library/${name}`, "1", imageOfSize(name, 1000));
  }
  const file = join(scene.mirror.directory, "..", "images.txt");
  await writeFile(file, "# what we run\na:1\n\nmissing:1   # not there\nb:1\na:1\n");

  const told = await scene.run("prefetch", "--file", file);
  const unread = await scene.run("prefetch", "--file", join(file, "none"));

  assert.equal(told.code, 1);
  assert.equal(told.stderr, "sluice: 1 of 3 images could not be fetched whole\n");
  assert.deepEqual(told.stdout.split("\n").slice(0, 3).sort(), [
    "docker.io/library/a:1  3.1 KiB fetched",
    "docker.io/library/b:1  3.1 KiB fetched",
    "docker.io/library/missing:1  failed: upstream has no such manifest in this repository",
  ]);
  assert.match(told.stdout, /\n2 of 3 images are here; 6\.\d KiB came\n$/);
  assert.equal(unread.code, 1);
  assert.match(unread.stderr, /^sluice: .* does not exist\n$/);
});

test("a client that pulls what is being prefetched joins the fill, and upstream is asked once", async () => {
  await using scene = await CommandScene.start();
  const image = imageOfSize("shared", mib);
  const { digest, bytes } = topLayerOf(image);
  scene.hub.addImage("library/app", "1", image);
  const release = scene.hub.hold("library/app", digest, 100_000);
  const command = scene.run("prefetch", "app:1");
  await eventually("the layer is asked for", () => scene.hub.count("GET", digest) === 1);

  using client = scene.mirror.open(`/v2/app/blobs/${digest}`);
  release();
  const answer = await client.when(({ complete }) => complete);

  assert.ok(answer.body.equals(bytes));
  assert.equal((await command).code, 0);
  assert.equal(scene.hub.count("GET", digest), 1);
});

test("prefetch on a terminal of 80 columns shows a bar for each blob and one in all, and nothing is left of them", async (t) => {
  if (!haveAll(t, "script")) return;
  await using scene = await CommandScene.start();
  const image = layered(40);
  scene.hub.addImage("library/layers", "1", image);
  const releases = image.blobs.map(({ digest }) =>
    scene.hub.hold("library/layers", digest, 10_000),
  );

  const child = spawn("script", [
    "--quiet",
    "--return",
    "--command",
    `stty cols 80 rows 24; ${sluice} prefetch layers:1 --config ${scene.file}`,
    "/dev/null",
  ]);
  let shown = "";
  child.stdout.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
  });
  await eventually("four bars are shown", () => /(?:.*\[[#.]+\].*\n){4}in all/.test(plain(shown)));
  for (const release of releases) release();
  await text(child.stderr);

  const pictures = plain(shown).split("\n");
  for (const line of pictures) assert.ok(line.length <= 80, line);
  const last = shown.slice(shown.lastIndexOf("\x1b[J") + 3);
  assert.equal(plain(last), "docker.io/library/layers:1  2.4 MiB fetched\n");
  assert.ok(pictures.some((line) => /^[0-9a-f]{12} +\[[#.]+\] +1\d% +9\.8 KiB of \d/.test(line)));
  // The first character of each picture goes up: no line is written twice.
  assert.ok(!/\n{3}/.test(plain(shown)));
});

function plain(shown: string): string {
  return stripVTControlCharacters(shown).replaceAll("\r", "");
}

function layered(count: number): TestImage {
  const layers = Array.from({ length: count }, (_, at) => [
    { path: "noise", bytes: noise(`layer ${at}`, 60_000) },
  ]);
  return ociImage({ layers });
}

/** For linux/amd64 and linux/arm64. */
function indexOfTwo(): ReturnType<typeof ociIndex> {
  return ociIndex([
    { architecture: "amd64", layers: [[{ path: "a", bytes: noise("a", 1000) }]] },
    { architecture: "arm64", layers: [[{ path: "b", bytes: noise("b", 1000) }]] },
  ]);
}
