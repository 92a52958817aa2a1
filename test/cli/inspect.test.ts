import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { InspectAnswer } from "../../src/admin/routes/inspect.ts";
import { renderInspected } from "../../src/cli/commands/inspect.ts";
import { artifact } from "../support/artifacts.ts";
import { imageOfSize, ociImage, runnableImage, topLayerOf } from "../support/images.ts";
import { noise } from "../support/noise.ts";
import { CommandScene } from "./command-scene.ts";
import { assertPrintedInBoth } from "./printed-json.ts";

test("inspect draws the tree of an image and what of it is missing, beside a daemon and without one", async () => {
  await using scene = await startScene();

  const { code, stdout, stderr } = await scene.run("inspect", "app:1");
  await scene.stop();
  const offline = await scene.run("inspect", "docker.io/library/app:1");

  assert.deepEqual([code, stderr], [0, ""]);
  const [name, ...lines] = stdout.trimEnd().split("\n");
  assert.equal(name, "docker.io/library/app:1");
  assert.match(stdout, /\ndigest +sha256:[0-9a-f]{64}\nsize .* here\n/);
  assert.match(stdout, /\npulled +\d+d ago, 1 in all\n/);
  assert.match(stdout, /\nshared +with no other image\n/);
  const tree = lines.slice(lines.indexOf("") + 1);
  assert.deepEqual(
    tree.map((line) => line.replace(/ +[0-9a-f]{12} +[\d.]+ K?i?B +/, " ").split("  ")[0]),
    ["index here", "├─ linux/amd64 here", "│", "│", "└─ linux/arm64 missing"],
  );
  assert.match(tree[2] ?? "", /^│ {2}├─ config .* here .* proven \d+d ago/);
  assert.match(tree[3] ?? "", /^│ {2}└─ layer .* here .* proven \d+d ago/);
  for (const line of lines) assert.ok(line.length <= 80, line);
  // However deep in the tree, digests stand below each other.
  assert.equal(new Set(tree.map((line) => line.search(/[0-9a-f]{12} /))).size, 1, stdout);
  // By the machine's clock the proofs are old: the daemon of the test has another one.
  const withoutProofs = (text: string): string =>
    text.slice(text.indexOf("\n\n")).replaceAll(/(?:proven \d+d ago|proof expired)(?: +\S+)?/g, "");
  assert.equal(withoutProofs(offline.stdout), withoutProofs(stdout));
});

test("inspect --json is what programs were promised, beside a daemon and without one", async () => {
  await using scene = await startScene();
  await assertPrintedInBoth(scene, "inspect.json", ["inspect", "app:1"]);
});

test("inspect names other images that need some of the content, and what is about the image", async () => {
  await using scene = await startScene();
  const base = [{ path: "base", bytes: noise("inspected base", 5000) }];
  const image = ociImage({ layers: [base] });
  const other = ociImage({ layers: [base, [{ path: "top", bytes: noise("top", 1000) }]] });
  const artifactType = "application/vnd.example.sbom";
  const sbom = artifact({ artifactType, files: [], subject: image });
  for (const [tag, made] of Object.entries({ image, other, sbom })) {
    scene.github.addImage("owner/app", tag, made);
    await scene.pull("ghcr.io/owner/app", tag, made);
  }

  const { stdout } = await scene.run("inspect", "ghcr.io/owner/app:image", "--json");

  const { sharedWith, referrers }: InspectAnswer = JSON.parse(stdout);
  const sharedBytes = topLayerOf(image).bytes.length;
  assert.deepEqual(sharedWith, {
    manifests: 1,
    names: [{ name: "ghcr.io/owner/app:other", sharedBytes }],
  });
  assert.deepEqual(referrers, [{ digest: sbom.manifest.digest, artifactType }]);
});

test("inspect of an image in two repositories counts its pulls from both, and names no other image", async () => {
  await using scene = await startScene();
  const image = imageOfSize("shared", 1000);
  for (const repository of ["owner/one", "owner/two"]) {
    scene.github.addImage(repository, "1", image);
    await scene.pull(`ghcr.io/${repository}`, "1", image);
  }

  const { stdout } = await scene.run("inspect", "ghcr.io/owner/one:1", "--json");

  const answer: InspectAnswer = JSON.parse(stdout);
  assert.equal(answer.pulls, 2);
  assert.deepEqual(answer.sharedWith, { manifests: 0, names: [] });
});

test("inspect by digest tells only of images that were pulled through the named repository", async () => {
  await using scene = await startScene();
  const { digest } = topLayerOf(runnableImage("inspected").children[0] ?? runnableImage("none"));
  const index = runnableImage("inspected").manifest.digest;

  const layer = await scene.run("inspect", `app@${digest}`);
  const elsewhere = await scene.run("inspect", `ghcr.io/library/app@${index}`);
  const own = await scene.run("inspect", `app@${index}`);

  assert.match(layer.stderr, /^sluice: nothing is stored of docker\.io\/library\/app@/);
  assert.match(elsewhere.stderr, /nothing is stored of ghcr\.io.*near: docker\.io\/library\/app:1/);
  assert.match(own.stdout, /^docker\.io\/library\/app@sha256:/);
  assert.ok(!own.stdout.includes("\ntag "));
});

test("inspect of forty layers of ten platforms stays within 80 columns", () => {
  const content = Array.from({ length: 10 }, (_, platform) => [
    node(1, "manifest", `linux/arm/v${platform}`),
    ...Array.from({ length: 40 }, () => node(2, "layer", null)),
  ]).flat();
  const text = renderInspected(
    { ...empty, content: [node(0, "index", null), ...content] },
    { nowMs: Date.parse("2026-02-01T00:00:00Z"), widthChars: 80 },
  );
  for (const line of stripVTControlCharacters(text).split("\n")) {
    assert.ok(line.length <= 80 || line.startsWith("digest"), line);
  }
});

const empty: InspectAnswer = {
  name: "docker.io/library/app:1",
  digest: `sha256:${"0".repeat(64)}`,
  mediaType: "application/vnd.oci.image.index.v1+json",
  sizeBytes: 1,
  tag: null,
  lastPullAt: null,
  pulls: 0,
  pins: ["docker.io/library/*"],
  content: [],
  sharedWith: {
    manifests: 12,
    names: [
      { name: `registry.internal:5000/${"long/".repeat(30)}name:tag`, sharedBytes: 12_345_678 },
    ],
  },
  referrers: [{ digest: `sha256:${"1".repeat(64)}`, artifactType: "application/vnd.example+json" }],
};

function node(
  depth: number,
  kind: "index" | "manifest" | "layer",
  platform: string | null,
): InspectAnswer["content"][number] {
  return {
    depth,
    kind,
    digest: `sha256:${"a".repeat(64)}`,
    mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
    sizeBytes: 123_456_789,
    platform,
    state: "here",
    provenAt: "2026-01-01T00:00:00.000Z",
    proof: "expired",
  };
}

async function startScene(): Promise<CommandScene> {
  const scene = await CommandScene.start();
  const app = runnableImage("inspected");
  scene.hub.addImage("library/app", "1", app);
  await scene.pull("app", "1", app);
  return scene;
}
