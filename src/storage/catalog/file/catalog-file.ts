import { renameSync, rmSync, statSync } from "node:fs";
import Database from "better-sqlite3";
import type { Layout } from "../../layout.ts";
import { cannot, codeOf, isCorruption, StorageError } from "../../storage-error.ts";
import { removeUnfinishedCopies, restoreBackup } from "./catalog-backup.ts";
import { prepareDatabaseFile, refuseForeignFiles } from "./database-file.ts";
import { migrate } from "./migrations.ts";

/** How the catalog came to be what it is now. */
export interface CatalogOrigin {
  /** Where a corrupt one was moved, or null. */
  readonly setAside: string | null;
  /** The backup that was taken in its place, or in that of a missing one; or null. */
  readonly restoredFrom: string | null;
}

/**
 * Makes the catalog's file one of the present schema, whatever was there. A corrupt one is set aside; in its place,
 * and in that of a missing one, comes the newest good backup or else an empty catalog. Throws StorageError for what a
 * newer sluice has written and for what cannot be opened.
 */
export function prepareCatalogFile(layout: Layout, nowMs: number): CatalogOrigin {
  try {
    refuseForeignFiles(layout.catalogFile);
    removeUnfinishedCopies(layout);
    if (isSound(layout)) return { setAside: null, restoredFrom: null };
    const setAside = moveAway(layout.catalogFile, nowMs);
    rmSync(layout.catalogDamage, { force: true });
    const restoredFrom = restoreBackup(layout);
    bringUpToDate(layout.catalogFile);
    return { setAside, restoredFrom };
  } catch (error) {
    if (error instanceof StorageError) throw error;
    throw cannot(`open the catalog ${layout.catalogFile}`, error);
  }
}

/** Whether there is a catalog that can be gone on with; if so, it is of the present schema then. */
function isSound({ catalogFile, catalogDamage }: Layout): boolean {
  // SQLite takes an empty file for an empty database, and throws the log of a lost one away.
  if (sizeOf(catalogFile) === 0 || statSync(catalogDamage, { throwIfNoEntry: false })) return false;
  try {
    bringUpToDate(catalogFile);
    return true;
  } catch (error) {
    if (isCorruption(error)) return false;
    throw error;
  }
}

/** 0 for a file that is not there. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function bringUpToDate(path: string): void {
  prepareDatabaseFile(path);
  using stack = new DisposableStack();
  const database = stack.adopt(new Database(path), (it) => it.close());
  // Otherwise a power cut could bring back the journal of what is committed here, and so undo it.
  database.pragma("synchronous = EXTRA");
  migrate(database);
  // Readers then never wait for the writer. The mode is a property of the file.
  database.pragma("journal_mode = WAL");
  // Reads, and writes: SQLite opens a file that it may not write to for reading, and says nothing.
  database.exec("UPDATE totals SET blobs = blobs");
}

/** Moves the database with its log, which belongs to no other; returns where to, or null if nothing was there. */
function moveAway(path: string, nowMs: number): string | null {
  const aside = `${path}.corrupt-${new Date(nowMs).toISOString().replaceAll(":", "")}`;
  const moved = ["-wal", "-shm", ""].filter((suffix) => moveIfThere(path + suffix, aside + suffix));
  return moved.length > 0 ? aside : null;
}

function moveIfThere(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}
