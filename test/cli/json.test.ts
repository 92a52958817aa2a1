import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { blobFile, layoutOf } from "../../src/storage/layout.ts";
import { assertGolden, withoutVolatile } from "../support/golden.ts";
import { imageOfSize, topLayerOf } from "../support/images.ts";
import { CommandScene } from "./command-scene.ts";

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

    await assertPrinted(scene, file, args);
    await scene.stop();
    await assertPrinted(scene, file, args);
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

  await assertPrinted(scene, "stats.json", ["stats"]);
  await scene.stop();
  await assertPrinted(scene, "stats-without-daemon.json", ["stats"]);
});

test("pin --json and unpin --json print what is pinned then", async () => {
  await using scene = await startScene();

  await assertPrinted(scene, "pin.json", ["pin", "a", "ghcr.io/owner/*"]);
  await assertPrinted(scene, "unpin.json", ["unpin", "ghcr.io/owner/*"]);
});

test("verify --json prints the same lines beside a daemon and without one", async () => {
  await using scene = await startScene();
  const { digest, bytes } = topLayerOf(a);
  const file = blobFile(layoutOf(scene.mirror.directory), digest);
  await writeFile(file, "rotten".padEnd(bytes.length));
  await writeFile(join(layoutOf(scene.mirror.directory).blobs, "notes"), "of somebody else");

  await assertPrinted(scene, "verify.jsonl", ["verify"], 1);
  await scene.stop();
  await assertPrinted(scene, "verify.jsonl", ["verify"], 1);
});

test("prefetch --json prints the same lines beside a daemon and without one", async () => {
  await using scene = await startScene();
  const args = ["prefetch", "a:1", "missing:1"];

  await assertPrinted(scene, "prefetch.jsonl", args, 1);
  await scene.stop();
  await assertPrinted(scene, "prefetch.jsonl", args, 1);
});

test("doctor --json tells of clients beside a daemon, and of the lack of one without", async () => {
  await using scene = await startScene();

  await assertPrinted(scene, "doctor.json", ["doctor"], 1);
  await scene.stop();
  await assertPrinted(scene, "doctor-without-daemon.json", ["doctor"], 1);
});

test("client-config --json prints files with what has to be known beside them", async () => {
  await using scene = await CommandScene.start();
  const args = ["client-config", "docker", "--address", "http://mirror.example.com:5000"];
  await assertPrinted(scene, "client-config.json", args);
});

/** Runs it with --json; what it prints is what the golden file of that name holds. */
async function assertPrinted(
  scene: CommandScene,
  file: string,
  args: readonly string[],
  exitCode = 0,
): Promise<void> {
  const { code, stdout, stderr } = await scene.run(...args, "--json");
  assert.equal(code, exitCode, stderr);
  const stable = withoutVolatile(ordered(file, stdout), scene.directory);
  await assertGolden(new URL(`golden/${file}`, import.meta.url), stable);
}

/** Lines come as the work goes; the last one is the last. */
function ordered(file: string, text: string): string {
  if (!file.endsWith(".jsonl")) return text;
  const lines = text.trimEnd().split("\n");
  return `${[...lines.slice(0, -1).sort(), ...lines.slice(-1)].join("\n")}\n`;
}

/** A daemon that has stored a:1 and b:1. */
async function startScene(): Promise<CommandScene> {
  const scene = await CommandScene.start({ maxSize: { kind: "bytes", bytes: 1000 * 1024 ** 2 } });
  for (const [name, image] of Object.entries({ a, b })) {
    scene.hub.addImage(`library/${name}`, "1", image);
    await scene.pull(name, "1", image);
  }
  return scene;
}
