import { renameSync } from "node:fs";
import Database from "better-sqlite3";
import { prepareDatabaseFile } from "./database-file.ts";
import { migrate } from "./migrations.ts";
import { cannot, codeOf, StorageError } from "./storage-error.ts";

/**
 * Makes `path` a catalog of the present schema, whatever was there. A corrupt file is set aside, and an
 * empty catalog begun: returns where the corrupt one lies now, or null. Throws StorageError for what a
 * newer sluice has written and for what cannot be opened.
 */
export function prepareCatalogFile(path: string, nowMs: number): string | null {
  try {
    bringUpToDate(path);
    return null;
  } catch (error) {
    if (!isCorrupt(error)) throw asStorageError(path, error);
  }
  const aside = `${path}.corrupt-${new Date(nowMs).toISOString().replaceAll(":", "")}`;
  try {
    setAside(path, aside);
    bringUpToDate(path);
    return aside;
  } catch (error) {
    throw asStorageError(path, error);
  }
}

function bringUpToDate(path: string): void {
  prepareDatabaseFile(path);
  using stack = new DisposableStack();
  const database = stack.adopt(new Database(path), (it) => it.close());
  migrate(database);
  // Readers then never wait for the writer. The mode is a property of the file.
  database.pragma("journal_mode = WAL");
  database.prepare("SELECT blobs FROM totals").get();
}

function isCorrupt(error: unknown): boolean {
  const code = codeOf(error) ?? "";
  return code === "SQLITE_NOTADB" || code.startsWith("SQLITE_CORRUPT");
}

/** Moves the database with its log, which belongs to no other. */
function setAside(path: string, aside: string): void {
  for (const suffix of ["-wal", "-shm", ""]) {
    try {
      renameSync(path + suffix, aside + suffix);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
  }
}

function asStorageError(path: string, error: unknown): StorageError {
  return error instanceof StorageError ? error : cannot(`open the catalog ${path}`, error);
}
