import assert from "node:assert/strict";
import { readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type Digest, digestOf } from "../../src/oci/digest.ts";
import { Quarantine } from "../../src/storage/disk/quarantine.ts";
import { StorageError } from "../../src/storage/storage-error.ts";
import { storageDirectory } from "./storage-directory.ts";

const startMs = Date.parse("2026-11-21T10:00:00Z");

test("the quarantine keeps its newest twenty files for a week, and what is not its own for good", async () => {
  await using scene = await startScene();
  for (let at = 0; at < 25; at++) await scene.take(`bad ${at}`, startMs + at * 1000);
  await writeFile(join(scene.directory, "notes of a person"), "left alone");

  const kept = await readdir(scene.directory);
  scene.nowMs = startMs + 7 * 86_400_000 + 20_500;
  await scene.quarantine.trim();
  const later = await readdir(scene.directory);

  assert.equal(kept.length, 21);
  assert.ok(!kept.some((name) => name.startsWith("20261121T100004Z")));
  assert.equal(kept.filter((name) => name.startsWith("20261121T100005Z")).length, 1);
  assert.deepEqual(later.map((name) => name.slice(0, 16)).sort(), [
    "20261121T100021Z",
    "20261121T100022Z",
    "20261121T100023Z",
    "20261121T100024Z",
    "notes of a perso",
  ]);
});

test("the quarantine keeps the bytes that it takes, and what is gone is no error", async () => {
  await using scene = await startScene();

  await scene.take("damaged bytes", startMs);
  await scene.quarantine.take(join(scene.directory, "gone"), digestOf(Buffer.from("gone")));

  const [name = "", ...others] = await readdir(scene.directory);
  assert.deepEqual(others, []);
  assert.equal(await readFile(join(scene.directory, name), "utf8"), "damaged bytes");
});

test("a quarantine that somebody made a link of is refused", async () => {
  await using scene = await startScene();
  await symlink("/tmp", scene.directory);
  await assert.rejects(scene.take("damaged", startMs), StorageError);
});

interface Scene extends AsyncDisposable {
  readonly directory: string;
  readonly quarantine: Quarantine;
  nowMs: number;
  take(text: string, atMs: number): Promise<Digest>;
}

async function startScene(): Promise<Scene> {
  const { layout, [Symbol.asyncDispose]: remove } = await storageDirectory();
  const scene: Scene = {
    directory: layout.quarantine,
    quarantine: new Quarantine({ directory: layout.quarantine, now: () => scene.nowMs }),
    nowMs: startMs,
    take: async (text, atMs) => {
      const digest = digestOf(Buffer.from(text));
      const path = join(layout.directory, "damaged");
      await writeFile(path, text);
      scene.nowMs = atMs;
      await scene.quarantine.take(path, digest);
      return digest;
    },
    [Symbol.asyncDispose]: remove,
  };
  return scene;
}
