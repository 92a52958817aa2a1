import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { blobFile, layoutOf } from "../../src/storage/layout.ts";
import { imageOfSize, topLayerOf } from "../support/images.ts";
import { CommandScene } from "./command-scene.ts";
import { assertPrinted, assertPrintedAlone, assertPrintedInBoth } from "./printed-json.ts";

const a = imageOfSize("json a", 1000);
const b = imageOfSize("json b", 1000);

const sameInBoth: readonly (readonly [string, readonly string[]])[] = [
  ["evict-dry-run.json", ["evict", "--dry-run", "--to", "0B"]],
  ["simulate.json", ["simulate", "--max-size", "1GiB", "--policy", "lru,gdsf"]],
  ["pin-list.json", ["pin", "--list"]],
  ["purge-dry-run.json", ["purge", "--dry-run", "a"]],
];

for (const [file, args] of sameInBoth) {
  test(`${args.join(" ")} --json is the same beside a daemon and without one`, async () => {
    await using scene = await startScene();
    await scene.run("pin", "b");

    await assertPrintedInBoth(scene, file, args);
  });
}

const done: readonly (readonly [string, readonly string[]])[] = [
  ["evict-done.json", ["evict", "--to", "0B"]],
  ["purge-done.json", ["purge", "--yes", "a"]],
];

for (const [file, args] of done) {
  for (const where of ["beside a daemon", "without one"] as const) {
    test(`${args.join(" ")} --json, ${where}, says what was done`, async () => {
      await using scene = await startScene();
      if (where === "without one") await scene.stop();
      await assertPrinted(scene, file, args);
    });
  }
}

test("stats --json counts beside a daemon, and tells what is stored without one", async () => {
  await using scene = await startScene();
  for (const remaining of [140, 130]) await tellLimit(scene, remaining);

  await assertPrinted(scene, "stats.json", ["stats"]);
  await assertPrintedAlone(scene, "stats-without-daemon.json", ["stats"]);
});

// What is long ago is told by days only, and the commands have the machine's clock.
const day = ["--from", "2025-12-31", "--to", "2026-01-02"];

test("stats --json tells of a window beside a daemon and without one", async () => {
  await using scene = await startScene();

  await assertPrinted(scene, "stats-window.json", ["stats", ...day, "--step", "1d"]);
  await scene.stop();
  const offline = "stats-window-without-daemon.json";
  await assertPrinted(scene, offline, ["stats", ...day, "--step", "1d"]);
});

for (const by of ["upstream", "network"]) {
  test(`savings --by ${by} --json is the same beside a daemon and without one`, async () => {
    await using scene = await startScene();
    await assertPrintedInBoth(scene, `savings-by-${by}.json`, ["savings", ...day, "--by", by]);
  });
}

test("pin --json and unpin --json print what is pinned then", async () => {
  await using scene = await startScene();

  await assertPrinted(scene, "pin.json", ["pin", "a", "ghcr.io/owner/*"]);
  await assertPrinted(scene, "unpin.json", ["unpin", "ghcr.io/owner/*"]);
});

test("verify --json prints the same lines beside a daemon and without one", async () => {
  await using scene = await startScene();
  await damage(scene);

  await assertPrintedInBoth(scene, "verify.jsonl", ["verify"], 1);
});

for (const where of ["beside a daemon", "without one"] as const) {
  test(`verify --repair --json, ${where}, says what was mended, and how`, async () => {
    await using scene = await startScene();
    await damage(scene);
    if (where === "without one") await scene.stop();

    await assertPrinted(scene, "verify-repaired.jsonl", ["verify", "--repair"]);
  });
}

test("prefetch --json prints the same lines beside a daemon and without one", async () => {
  await using scene = await startScene();
  const args = ["prefetch", "a:1", "missing:1"];

  await assertPrintedInBoth(scene, "prefetch.jsonl", args, 1);
});

test("doctor --json tells of clients beside a daemon, and of the lack of one without", async () => {
  await using scene = await startScene();

  await assertPrinted(scene, "doctor.json", ["doctor"], 1);
  await assertPrintedAlone(scene, "doctor-without-daemon.json", ["doctor"], 1);
});

test("client-config --json prints files with what has to be known beside them", async () => {
  await using scene = await CommandScene.start();
  const args = ["client-config", "docker", "--address", "http://mirror.example.com:5000"];
  await assertPrinted(scene, "client-config.json", args);
});

/** A daemon that has stored a:1 and b:1. */
async function startScene(): Promise<CommandScene> {
  const scene = await CommandScene.start({
    maxSize: { kind: "bytes", bytes: 1000 * 1024 ** 2 },
  });
  for (const [name, image] of Object.entries({ a, b })) {
    scene.hub.addImage(`library/${name}`, "1", image);
    await scene.pull(name, "1", image);
  }
  return scene;
}

/** Something else in a layer, no config, and a file that is none of sluice's. */
async function damage({ mirror }: CommandScene): Promise<void> {
  const layout = layoutOf(mirror.directory);
  const { digest, bytes } = topLayerOf(a);
  await writeFile(blobFile(layout, digest), "rotten".padEnd(bytes.length));
  const [config] = b.blobs;
  if (config) await rm(blobFile(layout, config.digest));
  await writeFile(join(layout.blobs, "notes"), "of somebody else");
}

/** The next pull of the tag is told that so many of a hundred and fifty pulls are left. */
async function tellLimit({ hub, mirror }: CommandScene, remaining: number): Promise<void> {
  hub.override("/v2/library/a/manifests/1", (_, response) => {
    response.writeHead(200, {
      "content-type": a.manifest.mediaType,
      "content-length": a.manifest.bytes.length,
      "docker-content-digest": a.manifest.digest,
      "ratelimit-limit": "150;w=21600",
      "ratelimit-remaining": `${remaining};w=21600`,
      "docker-ratelimit-source": "192.0.2.1",
    });
    response.end();
  });
  mirror.advance(600_000);
  await mirror.get("/v2/a/manifests/1");
}
