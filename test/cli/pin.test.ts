import assert from "node:assert/strict";
import { test } from "node:test";
import type { PinReport } from "../../src/mirror/eviction/pins.ts";
import { imageOfSize } from "../support/images.ts";
import { CommandScene } from "./command-scene.ts";

const mib = 1024 ** 2;

test("what is pinned stays when all else goes, until it is unpinned", async () => {
  await using scene = await startScene();

  const pinned = await scene.run("pin", "a");
  const kept = await scene.run("evict", "--to", "0B");
  await scene.stop();
  const listed = await scene.run("pin", "--list");
  const unpinned = await scene.run("unpin", "a");
  const gone = await scene.run("evict", "--to", "0B");

  assert.deepEqual([pinned.code, pinned.stderr], [0, ""]);
  assert.match(pinned.stdout, /^PINNED +IMAGES {2}SINCE\ndocker\.io\/library\/a +1 {2}.+ ago\n\n/);
  assert.match(pinned.stdout, /\npinned {3}1 MiB; evicting ends at /);
  assert.match(kept.stdout, /^Evicted 1 image and freed 1 MiB in 3 blobs\./);
  assert.match(
    kept.stdout,
    /\npinned {3}docker\.io\/library\/a:latest stays \(sluice pin --list\)\n$/,
  );
  assert.match(listed.stdout, /^PINNED +IMAGES {2}SINCE\ndocker\.io\/library\/a +1 {2}.+ ago\n/);
  assert.deepEqual([unpinned.code, unpinned.stdout], [0, "Nothing is pinned.\n"]);
  assert.match(gone.stdout, /^Evicted 1 image /);
});

test("pin --dry-run tells what would be pinned, and pins nothing", async () => {
  await using scene = await startScene();
  await scene.run("pin", "b");

  const { code, stdout, stderr } = await scene.run("pin", "--dry-run", "a", "ghcr.io/*");
  const listed = await scene.run("pin", "--list");

  assert.equal(code, 0);
  assert.match(stdout, /\ndocker\.io\/library\/a +1 {2}/);
  assert.match(stdout, /\ndocker\.io\/library\/b +1 {2}/);
  assert.match(stdout, /\npinned {3}2 MiB; /);
  assert.equal(stderr, "sluice: ghcr.io/* matches nothing that is stored now\n");
  assert.doesNotMatch(listed.stdout, /library\/a|ghcr/);
});

test("pins of the configuration are listed with the operators', and unpin leaves them", async () => {
  await using scene = await startScene(["docker.io/library/*"]);

  await scene.run("pin", "ghcr.io/owner/*", "b:latest");
  const listed = await scene.run("pin", "--list", "--json");
  const configured = await scene.run("unpin", "docker.io/library/*");
  const unknown = await scene.run("unpin", "b:latest", "b:other");

  const { pins } = JSON.parse(listed.stdout) as PinReport;
  assert.deepEqual(
    pins.map(({ pattern, by, images }) => [pattern, by, images]),
    [
      ["docker.io/library/*", "configuration", 2],
      ["docker.io/library/b:latest", "operator", 1],
      ["ghcr.io/owner/*", "operator", 0],
    ],
  );
  assert.equal(configured.code, 1);
  assert.match(
    configured.stderr,
    /^sluice: docker\.io\/library\/\* is pinned by eviction\.pins of/,
  );
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /^sluice: docker\.io\/library\/b:other is not pinned, so nothing/);
  const still = JSON.parse((await scene.run("pin", "--list", "--json")).stdout) as PinReport;
  assert.equal(still.pins.length, 3);
});

test("pin says which pattern matches nothing, and that pins leave too little room", async () => {
  await using scene = await startScene([], 0.001);

  const { code, stderr } = await scene.run("pin", "ghcr.io/*", "*/a", "*/b");

  assert.equal(code, 0);
  assert.equal(
    stderr,
    `sluice: ghcr.io/* matches nothing that is stored now
sluice: more is pinned than eviction.lowWatermark leaves, so new images may find no room
`,
  );
  const { pinnedBytes, lowWatermarkBytes } =
    scene.mirror.logLines.find(({ msg }) => msg === "more is pinned than eviction leaves") ?? {};
  assert.ok(Number(pinnedBytes) > Number(lowWatermarkBytes));
});

test("pin and unpin refuse what is no pattern, or names no upstream, and pin nothing", async () => {
  await using scene = await startScene();
  const table: [readonly string[], number, RegExp][] = [
    [["pin"], 2, /name what is to be pinned, or say --list/],
    [["pin", "--list", "a"], 2, /--list takes no patterns/],
    [
      ["pin", "ghcr.io/[a"],
      2,
      /^sluice: "ghcr\.io\/\[a" is no pattern of images; write for example \S+\n$/,
    ],
    [["pin", "evil.example/image"], 2, /evil\.example/],
    [["unpin"], 2, /missing required argument 'glob'/],
  ];
  for (const [args, code, message] of table) {
    const outcome = await scene.run(...args);
    assert.equal(outcome.code, code, args.join(" "));
    assert.match(outcome.stderr, message);
  }
  assert.deepEqual(JSON.parse((await scene.run("pin", "--list", "--json")).stdout).pins, []);
});

/** A daemon that has stored a:latest and b:latest, of a MiB each; the low watermark is of 1000 MiB. */
async function startScene(
  pins: readonly string[] = [],
  lowWatermark = 0.85,
): Promise<CommandScene> {
  const scene = await CommandScene.start({
    maxSize: { kind: "bytes", bytes: 1000 * mib },
    eviction: { pins, lowWatermark },
  });
  for (const name of ["a", "b"]) {
    const image = imageOfSize(`pinned ${name}`, mib);
    scene.hub.addImage(`library/${name}`, "latest", image);
    await scene.pull(name, "latest", image);
  }
  return scene;
}
