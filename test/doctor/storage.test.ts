import assert from "node:assert/strict";
import { chmod, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { judgeInodes, judgeSpace } from "../../src/doctor/disk-check.ts";
import { lockHolder } from "../../src/doctor/lock-holder.ts";
import { DirectoryLock } from "../../src/storage/directory-lock.ts";
import { layoutOf } from "../../src/storage/layout.ts";
import { troubles } from "./examined.ts";

test("the doctor finds that everybody can write to the directory, and names the command that mends it", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "doctor-storage-"));
  await chmod(home.path, 0o777);

  const [trouble, ...others] = await troubles("storage", { storage: { directory: home.path } });

  assert.deepEqual(others, []);
  assert.match(trouble?.found ?? "", /^every user of this machine can write to/);
  assert.equal(trouble?.remedy, `chmod o-w ${home.path}`);
});

test("the doctor finds that a directory cannot be made, and names the parent that stands in the way", async () => {
  // Nothing can be made there, by nobody.
  const [trouble] = await troubles("storage", { storage: { directory: "/proc/1/x/data" } });

  assert.equal(trouble?.found, "/proc/1/x/data is not there, and /proc/1 cannot be written to");
});

test("the doctor finds a file in the place of the directory", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "doctor-storage-"));
  const file = join(home.path, "data");
  await writeFile(file, "");

  const [trouble] = await troubles("storage", { storage: { directory: file } });

  assert.equal(trouble?.found, `${file} is no directory`);
});

test("the doctor takes a directory that is not there yet for no trouble, and does not make it", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "doctor-storage-"));
  const directory = join(home.path, "a", "b");

  assert.deepEqual(await troubles("storage", { storage: { directory } }), []);
  assert.deepEqual(await troubles("storage", { storage: { directory } }), []);
});

test("the doctor finds a disk with less than minFree, with what is free", async () => {
  const [trouble] = await troubles("storage", { storage: { minFree: "100%" } });

  assert.equal(trouble?.verdict, "fail");
  assert.match(trouble.found, /less than storage\.minFree .*nothing new is stored/);
});

test("the doctor finds bounds that are more than the disk has, with what would fit", () => {
  const disk = { blocks: 1_000, bavail: 900, bsize: 1024 * 1024 };
  const storage = {
    directory: "/x",
    maxSize: { kind: "share", share: 1 },
    minFree: { kind: "bytes", bytes: 100 * 1024 * 1024 },
    scrubMs: null,
  } as const;

  const found = [...judgeSpace(disk, storage)];

  assert.deepEqual(
    found.map(({ verdict }) => verdict),
    ["ok", "warn"],
  );
  assert.match(found[1]?.remedy ?? "", /900 MiB/);
});

test("the doctor finds inodes that run out; a file system that does not count them is no trouble", () => {
  assert.deepEqual([...judgeInodes({ files: 0, ffree: 0 })], []);
  assert.deepEqual([...judgeInodes({ files: 1_000, ffree: 500 })], []);
  assert.equal([...judgeInodes({ files: 1_000, ffree: 10 })][0]?.verdict, "warn");
  assert.equal([...judgeInodes({ files: 1_000, ffree: 0 })][0]?.verdict, "fail");
});

test("the doctor finds the process that has the directory and does not answer", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "doctor-storage-"));
  const layout = layoutOf(home.path);
  const lock = DirectoryLock.acquire(layout);

  const held = await troubles("storage", { storage: { directory: home.path } });
  lock[Symbol.dispose]();

  assert.deepEqual(
    held.map((one) => one.found),
    [`process ${process.pid} has ${home.path} for itself, and no daemon answers`],
  );
  assert.equal(await lockHolder(layout.lockFile), null);
});

test("the doctor finds a catalog that is no database", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "doctor-storage-"));
  await writeFile(layoutOf(home.path).catalogFile, "no database at all".repeat(1_000));

  const [trouble] = await troubles("storage", { storage: { directory: home.path } });

  assert.match(trouble?.found ?? "", /catalog\.db is damaged \(file is not a database\)/);
  assert.match(trouble?.remedy ?? "", /restart sluice/);
});
