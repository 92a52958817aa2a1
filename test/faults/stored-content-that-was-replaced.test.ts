import assert from "node:assert/strict";
import {
  copyFile,
  mkdir,
  open,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { hexOf } from "../../src/oci/digest.ts";
import { FaultScene } from "../support/fault-scene.ts";
import { mustRun } from "../support/run-program.ts";
import type { SeededContent } from "../support/seeded-content.ts";

const sizeBytes = 200_000;

const changes: Readonly<Record<string, (file: string) => Promise<void>>> = {
  "a directory": async (file) => {
    await rm(file);
    await mkdir(join(file, "inner"), { recursive: true });
    await writeFile(join(file, "inner", "file"), "somebody's");
  },
  "a FIFO": async (file) => {
    await rm(file);
    await mustRun("mkfifo", [file]);
  },
  "a symbolic link": async (file) => {
    await rm(file);
    await symlink("/etc/hostname", file);
  },
  "one flipped bit": async (file) => {
    await using handle = await open(file, "r+");
    const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, 150_000);
    await handle.write(Buffer.from([buffer.readUInt8(0) ^ 1]), 0, 1, 150_000);
  },
  "one byte less": async (file) => await truncate(file, sizeBytes - 1),
  "no bytes": async (file) => await truncate(file, 0),
  "one byte more": async (file) => await truncate(file, sizeBytes + 1),
  "no file": async (file) => await rm(file),
};

for (const [name, change] of Object.entries(changes)) {
  test(`what has become ${name} is never served, whole or in part, and is filled again`, async () => {
    await using scene = await FaultScene.start();
    const contents = await storedBlobs(scene, name);
    for (const content of contents) await change(fileOf(scene, content));

    const [whole, part] = contents;
    await scene.pullWhole("good", whole);
    const answer = await scene.pull("good", part, { headers: { range: "bytes=140000-160000" } });

    assert.equal(answer.status, 206);
    assert.equal(answer.complete, true);
    assert.equal(answer.trueBytes, 20_001);
    await scene.assertSound({ stored: contents });
    const warm = await scene.pullWhole("good", whole);
    assert.equal(warm.headers["cache-status"], "sluice; hit");
  });

  test(`what has become ${name} while the upstream is down is an error, never wrong bytes`, async () => {
    await using scene = await FaultScene.start();
    const contents = await storedBlobs(scene, `${name}, down`);
    for (const content of contents) await change(fileOf(scene, content));
    await scene.upstream.down();

    // At once, for each waits until upstream has been asked for long enough.
    const answers = await Promise.all(
      contents.flatMap((content) => [
        scene.pull("good", content),
        scene.pull("good", content, { headers: { range: "bytes=140000-160000" } }),
      ]),
    );
    for (const { status } of answers) assert.ok([502, 503].includes(status));

    await scene.upstream.up();
    scene.passOver();
    for (const content of contents) await scene.pullWhole("good", content);
    await scene.assertSound({ stored: contents });
  });
}

test("two blobs whose files were swapped are never taken for each other", async () => {
  await using scene = await FaultScene.start();
  const [one, other] = await storedBlobs(scene, "swapped");
  const aside = join(scene.directory, "aside");
  await rename(fileOf(scene, one), aside);
  await rename(fileOf(scene, other), fileOf(scene, one));
  await rename(aside, fileOf(scene, other));

  await Promise.all([scene.pullWhole("good", one), scene.pullWhole("good", other)]);

  await scene.assertSound({ stored: [one, other] });
});

const harmless: Readonly<Record<string, (file: string) => Promise<void>>> = {
  "a copy of itself has replaced": async (file) => {
    await copyFile(file, `${file}.copy`);
    await rename(`${file}.copy`, file);
  },
  "was only touched": async (file) => await utimes(file, 1, 1),
};

for (const [what, change] of Object.entries(harmless)) {
  test(`content that ${what} is hashed again and stays a hit`, async () => {
    await using scene = await FaultScene.start();
    const [content] = await storedBlobs(scene, what);
    await change(fileOf(scene, content));
    await scene.upstream.down();

    const answer = await scene.pullWhole("good", content);

    assert.equal(answer.headers["cache-status"], "sluice; hit");
  });
}

test("a file that is cut short under a reader cuts the reader's answer", async () => {
  await using scene = await FaultScene.start();
  const large = scene.upstream.blob("cut under its reader", 32 * 1024 * 1024);
  await scene.pullWhole("good", large);
  await scene.mirror.idle();
  using client = scene.open("good", large);
  await client.when(({ bodyBytes }) => bodyBytes > 0);
  client.pause();

  await truncate(fileOf(scene, large), 1024 * 1024);
  client.resume();

  const { complete, trueBytes, bodyBytes } = await client.end();
  assert.equal(trueBytes, bodyBytes);
  assert.equal(complete, false);
  await scene.pullWhole("good", large);
});

async function storedBlobs(
  scene: FaultScene,
  seed: string,
): Promise<[SeededContent, SeededContent]> {
  const contents: [SeededContent, SeededContent] = [
    scene.upstream.blob(`${seed} 1`, sizeBytes),
    scene.upstream.blob(`${seed} 2`, sizeBytes),
  ];
  for (const content of contents) await scene.pullWhole("good", content);
  await scene.mirror.idle();
  return contents;
}

function fileOf(scene: FaultScene, { digest }: SeededContent): string {
  const hex = hexOf(digest);
  return join(scene.directory, "blobs", "sha256", hex.slice(0, 2), hex);
}
