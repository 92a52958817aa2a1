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

test("a directory that everybody can write to is named, with the command that mends it", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "doctor-storage-"));
  await chmod(home.path, 0o777);

  const [trouble, ...others] = await troubles("storage", { storage: { directory: home.path } });

  assert.deepEqual(others, []);
  assert.match(trouble?.found ?? "", /^every user of this machine can write to/);
  assert.equal(trouble?.remedy, `chmod o-w ${home.path}`);
});

test("a directory that cannot be made is named, with the parent that stands in the way", async () => {
  // Nothing can be made there, by nobody.
  const [trouble] = await troubles("storage", { storage: { directory: "/proc/1/x/data" } });

  assert.equal(trouble?.found, "/proc/1/x/data is not there, and /proc/1 cannot be written to");
});

test("a file in the place of the directory is named", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "doctor-storage-"));
  const file = join(home.path, "data");
  await writeFile(file, "");

  const [trouble] = await troubles("storage", { storage: { directory: file } });

  assert.equal(trouble?.found, `${file} is no directory`);
});

test("a directory that is not there yet is no trouble, and is not made", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "doctor-storage-"));
  const directory = join(home.path, "a", "b");

  assert.deepEqual(await troubles("storage", { storage: { directory } }), []);
  assert.deepEqual(await troubles("storage", { storage: { directory } }), []);
});

test("a disk with less than minFree is named, with what is free", async () => {
  const [trouble] = await troubles("storage", { storage: { minFree: "100%" } });

  assert.equal(trouble?.verdict, "fail");
  assert.match(trouble.found, /less than storage\.minFree .*nothing new is stored/);
});

test("bounds that are more than the disk has are named, with what would fit", () => {
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

test("inodes that run out are named; a file system that does not count them is no trouble", () => {
  assert.deepEqual([...judgeInodes({ files: 0, ffree: 0 })], []);
  assert.deepEqual([...judgeInodes({ files: 1_000, ffree: 500 })], []);
  assert.equal([...judgeInodes({ files: 1_000, ffree: 10 })][0]?.verdict, "warn");
  assert.equal([...judgeInodes({ files: 1_000, ffree: 0 })][0]?.verdict, "fail");
});

test("whoever has the directory and does not answer is named by its process", async () => {
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

test("a catalog that is no database is named", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "doctor-storage-"));
  await writeFile(layoutOf(home.path).catalogFile, "no database at all".repeat(1_000));

  const [trouble] = await troubles("storage", { storage: { directory: home.path } });

  assert.match(trouble?.found ?? "", /catalog\.db is damaged \(file is not a database\)/);
  assert.match(trouble?.remedy ?? "", /restart sluice/);
});
