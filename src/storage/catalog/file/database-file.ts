import { chmodSync, closeSync, constants, lstatSync, openSync } from "node:fs";
import { cannot, codeOf, StorageError } from "../../storage-error.ts";

/**
 * Makes sure that `path` is a regular file for this user only, so that SQLite, which follows symbolic
 * links, can be let loose on it; the files it puts beside it get the same mode. Throws StorageError.
 *
 * An existing file is not opened, and a new one is created and closed in one go: closing any descriptor of a
 * file drops the locks that other connections of this process hold on it (fcntl(2), "Record locking").
 */
export function prepareDatabaseFile(path: string): void {
  try {
    const { O_CREAT, O_EXCL, O_RDWR } = constants;
    closeSync(openSync(path, O_CREAT | O_EXCL | O_RDWR, 0o600));
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw cannot(`create ${path}`, error);
  }
  refuseForeignFiles(path);
}

/** Throws StorageError if something else than a file lies where a database or its log belongs. */
export function refuseForeignFiles(path: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) refuseForeignFile(path + suffix);
}

function refuseForeignFile(path: string): void {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (!status) return;
  if (!status.isFile()) {
    throw new StorageError(
      `${path} is no regular file, but sluice keeps a database there. Move it away, or set storage.directory to another place`,
    );
  }
  if ((status.mode & 0o077) !== 0) makePrivate(path);
}

function makePrivate(path: string): void {
  try {
    chmodSync(path, 0o600);
  } catch (error) {
    throw cannot(`make ${path} private (mode 0600)`, error);
  }
}
