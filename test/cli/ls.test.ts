import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { ImageEntry, ImagesAnswer } from "../../src/admin/routes/images.ts";
import { type LsOptions, render } from "../../src/cli/commands/ls.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { imageOfSize, runnableImage } from "../support/images.ts";
import { CommandScene } from "./command-scene.ts";
import { assertPrintedInBoth } from "./printed-json.ts";

const nowMs = Date.parse("2026-02-01T00:00:00Z");

test("ls lists images with what is here of them, beside a daemon and without one", async () => {
  await using scene = await startScene();

  const { code, stdout, stderr } = await scene.run("ls");
  const pattern = await scene.run("ls", "ghcr.io/*", "--sort", "name");
  await scene.stop();
  const offline = await scene.run("ls");

  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^IMAGE +DIGEST +PLATFORMS +SIZE +SHARED +PULLED +PULLS +HERE\n/);
  // The last pull first; whole names, since nothing has to fit into a pipe.
  const [, twin = "", tool = "", half = "", app = "", blank, footer = ""] = stdout.split("\n");
  assert.match(twin, /^ghcr\.io\/owner\/tool:1 +\w{12} +amd64 +1 MiB +0 B +\d+d ago +2 +all$/);
  assert.match(tool, /^ghcr\.io\/owner\/twin:1 /);
  assert.match(half, /^docker\.io\/library\/half:1 .* partly$/);
  assert.match(app, /^docker\.io\/library\/app:1 +\w{12} +amd64 +[\d.]+ KiB +0 B .* all$/);
  assert.equal(blank, "");
  assert.match(footer, /^4 images; \d+ blobs with [\d.]+ MiB are stored\.$/);
  assert.equal(pattern.stdout.split("\n").length, 6);
  assert.equal(offline.stdout, stdout);
});

test("ls --json is what programs were promised, beside a daemon and without one", async () => {
  await using scene = await startScene();
  await assertPrintedInBoth(scene, "ls.json", ["ls"]);
});

test("ls --page goes from page to page, and each tells where it stands", async () => {
  await using scene = await startScene();

  const second = await scene.run("ls", "--sort", "name", "--limit", "1", "--page", "2");
  const beyond = await scene.run("ls", "--limit", "2", "--page", "3");

  assert.match(second.stdout, /\ndocker\.io\/library\/half:1 /);
  assert.match(second.stdout, /\nImages 2 to 2 of 4 images; --page 3 goes on; /);
  assert.equal(beyond.stdout, "There is no page 3: 4 images match.\n");
});

test("ls of a pattern that matches nothing says how patterns are meant, and refuses what is none", async () => {
  await using scene = await startScene();

  const nothing = await scene.run("ls", "alpine");
  const none = await scene.run("ls", "[a");
  const wrong = await scene.run("ls", "--sort", "age");

  assert.deepEqual([nothing.code, nothing.stderr], [0, ""]);
  assert.match(nothing.stdout, /^No image matches alpine\. .* try '\*alpine\*'\.\n$/);
  assert.deepEqual([none.code, none.stdout], [2, ""]);
  assert.match(none.stderr, /^sluice: glob: it is no pattern of images; write for example/);
  assert.equal(wrong.code, 2);
});

test("ls says before the first pull what will be listed", async () => {
  await using scene = await CommandScene.start();
  const { code, stdout } = await scene.run("ls");
  assert.equal(code, 0);
  assert.match(stdout, /^Nothing is stored yet: what clients pull /);
});

test("the API refuses a list of images by a cursor, limit, order or pattern that is none", async () => {
  await using scene = await startScene();
  for (const query of ["cursor=x", "limit=0", "limit=1001", "sort=age", "glob=%5Ba"]) {
    const { status, body } = await scene.mirror.admin(`/api/v1/images?${query}`);
    assert.equal(status, 400, query);
    assert.match(JSON.parse(body.toString()).error, new RegExp(query.split("=")[0] ?? ""), query);
  }
});

test("ls stays within 80 columns, and long names can be told apart", () => {
  const long = "registry.internal.example.com:5000/platform/services/payments/gateway";
  const text = shown([entry(`${long}:2026.01.31-rc.1`), entry(`${long}:2026.01.30`)], 80);

  for (const line of text.split("\n").slice(0, 3)) assert.ok(line.length <= 80, line);
  assert.match(text, /^IMAGE +PLATFORMS +SIZE /);
  assert.match(text, /…\S*:2026\.01\.31-rc\.1 /);
});

test("ls shows digests on a terminal that is wide enough", () => {
  const text = shown([entry("docker.io/library/app:1")], 120);
  assert.match(text, /^IMAGE +DIGEST .*\n\S+app:1 +e59625a82249 /);
});

test("ls counts the platforms of an image that it does not name", () => {
  const platforms = ["linux/arm/v7", "linux/amd64", "windows/amd64"];
  assert.match(shown([{ ...entry("docker.io/library/app:1"), platforms }], 120), / arm\/v7 \+2 /);
});

test("ls says of an image that it was never pulled", () => {
  const text = shown([{ ...entry("docker.io/library/app:1"), lastPullAt: null, pulls: 0 }], 120);
  assert.match(text, / never +0 +all/);
});

function shown(images: readonly ImageEntry[], widthChars: number): string {
  const answer: ImagesAnswer = {
    images,
    matched: images.length,
    next: null,
    stored: { blobs: 3, bytes: 1000 },
  };
  const options: LsOptions = { sort: "pulled", limit: 100, page: 1 };
  return stripVTControlCharacters(
    render(answer, { ...options, glob: undefined, nowMs, widthChars }),
  );
}

function entry(name: string): ImageEntry {
  return {
    name,
    upstream: "docker.io",
    repository: "library/app",
    tag: "1",
    digest: digestOf(Buffer.from("a manifest")),
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    platforms: ["linux/amd64"],
    complete: true,
    sizeBytes: 123_456_789,
    sharedBytes: 23_456_789,
    lastPullAt: "2026-01-01T00:00:00.000Z",
    pulls: 12_345,
  };
}

/** An index of which one platform was pulled; an image without its layer; one that goes by two names. */
async function startScene(): Promise<CommandScene> {
  const scene = await CommandScene.start();
  const app = runnableImage("ls");
  scene.hub.addImage("library/app", "1", app);
  await scene.pull("app", "1", app);
  const half = imageOfSize("half", 1024 ** 2);
  scene.hub.addImage("library/half", "1", half);
  await scene.pull("half", "1", { ...half, blobs: half.blobs.slice(0, 1) });
  const tool = imageOfSize("tool", 1024 ** 2);
  for (const name of ["owner/tool", "owner/twin"]) {
    scene.github.addImage(name, "1", tool);
    await scene.pull(`ghcr.io/${name}`, "1", tool);
  }
  return scene;
}
