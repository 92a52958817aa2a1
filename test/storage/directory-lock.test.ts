import assert from "node:assert/strict";
import { readdir, stat, symlink } from "node:fs/promises";
import { suite, test } from "node:test";
import { DirectoryLock } from "../../src/storage/directory-lock.ts";
import { StorageError } from "../../src/storage/storage-error.ts";
import { Child } from "./child.ts";
import { storageDirectory } from "./storage-directory.ts";

suite("the lock of the storage directory", () => {
  test("a second daemon of the same process is refused until the first lets go", async () => {
    await using directory = await storageDirectory();
    {
      using _lock = DirectoryLock.acquire(directory.layout);

      for (let attempt = 0; attempt < 2; attempt += 1) {
        assert.throws(
          () => DirectoryLock.acquire(directory.layout),
          isRefusal(directory.layout.directory),
        );
      }
    }

    using _again = DirectoryLock.acquire(directory.layout);
  });

  // The lock is a POSIX record lock: when this process closes any descriptor of lock.db, its own lock is lost.
  test("an attempt of the same process does not open the door to other processes", async () => {
    await using directory = await storageDirectory();
    using _lock = DirectoryLock.acquire(directory.layout);
    assert.throws(
      () => DirectoryLock.acquire(directory.layout),
      isRefusal(directory.layout.directory),
    );

    await assert.rejects(Child.start("hold-lock", directory.layout.directory), /ended before/);
  });

  test("a daemon of another process is refused, and no longer when the first was killed", async () => {
    await using directory = await storageDirectory();
    {
      await using _child = await Child.start("hold-lock", directory.layout.directory);
      assert.throws(
        () => DirectoryLock.acquire(directory.layout),
        isRefusal(directory.layout.directory),
      );
    }

    using _lock = DirectoryLock.acquire(directory.layout);
  });

  test("directories are locked apart", async () => {
    await using one = await storageDirectory();
    await using other = await storageDirectory();

    using _lock = DirectoryLock.acquire(one.layout);
    using _otherLock = DirectoryLock.acquire(other.layout);
  });

  test("the lock is one private file", async () => {
    await using directory = await storageDirectory();
    using _lock = DirectoryLock.acquire(directory.layout);

    assert.equal((await stat(directory.layout.lockFile)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(directory.layout.directory), [
      "blobs",
      "ingest",
      "lock.db",
      "trash",
    ]);
  });

  test("a symbolic link in the place of lock.db is refused", async () => {
    await using directory = await storageDirectory();
    await symlink(`${directory.layout.directory}/elsewhere`, directory.layout.lockFile);

    assert.throws(
      () => DirectoryLock.acquire(directory.layout),
      (error) => error instanceof StorageError && /lock\.db is no regular file/.test(error.message),
    );
  });
});

function isRefusal(directory: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof StorageError &&
    error.message.startsWith(`another sluice is running in ${directory}. Stop it, `);
}
