import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtempDisposable,
  readdir,
  readFile,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { ListenError } from "../../src/listeners/listen.ts";
import { StorageError } from "../../src/storage/storage-error.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { noiseBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

/** All that sluice makes in its storage directory at once. */
const names: readonly string[] = [
  ...["blobs", "blobs/sha256", "blobs/sha512", "ingest", "trash"],
  ...["catalog.db", "catalog.db-wal", "catalog.db-shm", "catalog.db.backup", "catalog.db.backup.1"],
  ...["catalog.db.damaged", "lock.db", "lock.db-journal", "control.sock"],
];

/** What somebody may have put there before; `outside` is a directory with a file that has to stay as it is. */
const plants: Readonly<Record<string, (path: string, outside: string) => Promise<void>>> = {
  "a link to a directory": (path, outside) => symlink(outside, path),
  "a link to a file": (path, outside) => symlink(join(outside, "precious"), path),
  "a link to nothing": (path, outside) => symlink(join(outside, "made"), path),
  "another name of a file": (path, outside) => link(join(outside, "precious"), path),
  "a directory for everybody": async (path) => {
    await mkdir(path);
    await chmod(path, 0o777);
  },
  "a file for everybody": async (path) => {
    await writeFile(path, "");
    await chmod(path, 0o666);
  },
  "a pipe": async (path) => void execFileSync("mkfifo", [path]),
};

for (const [what, plant] of Object.entries(plants)) {
  test(`${what} in the place of what sluice keeps is refused, or none of what it stores gets there`, async () => {
    await using hub = await FakeUpstream.start();
    const blob = noiseBlob("private", 50_000);
    hub.addBlob("team/app", blob);
    for (const name of names) {
      await using home = await mkdtempDisposable(join(tmpdir(), "planted-"));
      const [directory, outside] = [join(home.path, "storage"), join(home.path, "outside")];
      await mkdir(dirname(join(directory, name)), { recursive: true, mode: 0o700 });
      await mkdir(outside);
      await writeFile(join(outside, "precious"), "precious");
      await plant(join(directory, name), outside);

      const refusal = await pulledFrom(hub, directory, `/v2/team/app/blobs/${blob.digest}`);

      if (refusal !== null) assert.match(refusal, new RegExp(`${directory}/`), name);
      // A copy of the catalog, and the mark of a damaged one, stay as they are until they are needed.
      else if (!name.startsWith("catalog.db.")) assert.deepEqual(await openTo(directory), [], name);
      assert.deepEqual(await readdir(outside), ["precious"], name);
      assert.equal(await readFile(join(outside, "precious"), "utf8"), "precious", name);
    }
  });
}

test("whatever the umask, all that is stored is for sluice's own user", async () => {
  await using hub = await FakeUpstream.start();
  await using home = await mkdtempDisposable(join(tmpdir(), "umask-"));
  const blob = noiseBlob("private", 50_000);
  hub.addBlob("team/app", blob);
  const directory = join(home.path, "storage");
  const before = process.umask(0);
  try {
    assert.equal(await pulledFrom(hub, directory, `/v2/team/app/blobs/${blob.digest}`), null);
  } finally {
    process.umask(before);
  }

  assert.deepEqual(await openTo(directory), []);
});

/** Starts a mirror there and pulls a blob; resolves to the sentence with which it refuses to start, if it does. */
async function pulledFrom(
  hub: FakeUpstream,
  directory: string,
  target: string,
): Promise<string | null> {
  try {
    await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub }, directory });
    assert.equal((await mirror.get(target)).status, 200);
    await mirror.idle();
    return null;
  } catch (error) {
    if (error instanceof StorageError || error instanceof ListenError) return error.message;
    throw error;
  }
}

/** What under the directory, itself included, somebody else may read, write or enter. */
async function openTo(directory: string): Promise<string[]> {
  const paths = [
    directory,
    ...(await readdir(directory, { recursive: true })).map((path) => join(directory, path)),
  ];
  const stats = await Promise.all(paths.map(async (path) => ({ path, status: await lstat(path) })));
  return stats
    .filter(({ status }) => !status.isSymbolicLink() && (status.mode & 0o077) !== 0)
    .map(({ path, status }) => `${path} ${(status.mode & 0o777).toString(8)}`);
}
