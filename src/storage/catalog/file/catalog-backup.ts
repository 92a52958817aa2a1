import {
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
} from "node:fs";
import { open, rename, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import Database from "better-sqlite3";
import type { Layout } from "../../layout.ts";
import { codeOf, StorageError } from "../../storage-error.ts";
import { prepareDatabaseFile } from "./database-file.ts";
import { isNewer } from "./migrations.ts";
import { isWhole, isWholeInThread } from "./whole-database.ts";

/** The copy that is being made, and the one that is being taken back. */
const unfinished = [".backup.new", ".restoring"] as const;

export interface CatalogCopy {
  readonly layout: Layout;
  /** Writes a copy of the catalog to a file. */
  readonly copyTo: (path: string) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Replaces the newest backup of the catalog by a copy that was checked; the one before is kept. Resolves to false, and
 * replaces nothing, if the copy is corrupt: pages are copied as they are, so the catalog is too. Rejects with the
 * cause if no copy can be made, and when `signal` is aborted.
 */
export async function backUpCatalog({ layout, copyTo, signal }: CatalogCopy): Promise<boolean> {
  const copy = layout.catalogFile + unfinished[0];
  await refuseWithoutRoom(layout);
  removeWithLog(copy);
  prepareDatabaseFile(copy);
  await unlessAborted(copyTo(copy), signal);
  const whole = await isWholeInThread(copy, signal);
  if (whole) await replaceNewest(layout, copy);
  else removeWithLog(copy);
  return whole;
}

/** When the newest backup was made, in ms since the epoch; null if there is none. */
export async function newestBackupAtMs({ catalogBackups }: Layout): Promise<number | null> {
  const [newest] = catalogBackups;
  return await stat(newest).then(
    ({ mtimeMs }) => mtimeMs,
    () => null,
  );
}

/**
 * Puts a copy of the newest backup that is whole, and not of a newer sluice, where the catalog belongs, which must be free; returns the
 * backup's path, or null if there is none. Throws if it cannot be copied.
 */
export function restoreBackup({ catalogFile, catalogBackups }: Layout): string | null {
  const copy = catalogFile + unfinished[1];
  for (const backup of catalogBackups) {
    // To open a pipe would be to wait for whoever writes into it.
    if (!lstatSync(backup, { throwIfNoEntry: false })?.isFile()) continue;
    if (!copyIfThere(backup, copy) || !isWhole(copy) || isOfNewerSluice(copy)) continue;
    renameSync(copy, catalogFile);
    return backup;
  }
  removeWithLog(copy);
  return null;
}

/** What a crash left of a copy. */
export function removeUnfinishedCopies({ catalogFile }: Layout): void {
  for (const suffix of unfinished) removeWithLog(catalogFile + suffix);
}

// A copy must not take the last bytes from the pulls that run meanwhile.
const roomFactor = 2;

async function refuseWithoutRoom({ directory, catalogFile }: Layout): Promise<void> {
  const [{ size }, { bavail, bsize }] = await Promise.all([stat(catalogFile), statfs(directory)]);
  if (bavail * bsize >= roomFactor * size) return;
  throw new StorageError(
    `there is no room for a backup of ${catalogFile}, which has ${size} bytes. Free some on its file system`,
  );
}

async function replaceNewest({ catalogBackups }: Layout, copy: string): Promise<void> {
  const [newest, older] = catalogBackups;
  await rename(newest, older).catch((error: unknown) => {
    if (codeOf(error) !== "ENOENT") throw error;
  });
  await rename(copy, newest);
  await using directory = await open(dirname(newest), "r");
  await directory.sync();
}

function removeWithLog(path: string): void {
  for (const suffix of ["", "-journal", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
}

function copyIfThere(from: string, to: string): boolean {
  try {
    removeWithLog(to);
    copyFileSync(from, to, constants.COPYFILE_FICLONE);
    syncFile(to);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

function isOfNewerSluice(path: string): boolean {
  using stack = new DisposableStack();
  return isNewer(stack.adopt(new Database(path, { readonly: true }), (it) => it.close()));
}

function syncFile(path: string): void {
  const fd = openSync(path, "r+");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

async function unlessAborted(step: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    await Promise.race([step, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
