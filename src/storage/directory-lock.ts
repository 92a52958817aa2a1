import Database from "better-sqlite3";
import { prepareDatabaseFile } from "./catalog/file/database-file.ts";
import type { Layout } from "./layout.ts";
import { cannot, codeOf, StorageError } from "./storage-error.ts";

/** Another process, or another part of this one, has the directory. */
export class DirectoryTaken extends StorageError {
  constructor(directory: string, cause: unknown) {
    super(
      `another sluice is running in ${directory}. Stop it, or set storage.directory to another place`,
      { cause },
    );
    this.name = "DirectoryTaken";
  }
}

/**
 * The right to be the one daemon of a storage directory: an exclusive transaction on `lock.db`. The kernel
 * ends it with the process, however that dies, so there is no stale lock to clean up.
 */
export class DirectoryLock implements Disposable {
  readonly #database: Database.Database;

  private constructor(database: Database.Database) {
    this.#database = database;
  }

  /** Throws DirectoryTaken at once if another daemon, of this process or another, holds the lock. */
  static acquire(layout: Layout): DirectoryLock {
    prepareDatabaseFile(layout.lockFile);
    using stack = new DisposableStack();
    try {
      const database = stack.adopt(new Database(layout.lockFile, { timeout: 0 }), (it) =>
        it.close(),
      );
      // Nothing is ever written, so there is no need of a journal file.
      database.pragma("journal_mode = MEMORY");
      database.exec("BEGIN EXCLUSIVE");
      stack.move();
      return new DirectoryLock(database);
    } catch (error) {
      throw refusal(layout, error);
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}

function refusal(layout: Layout, error: unknown): StorageError {
  if (codeOf(error) !== "SQLITE_BUSY") return cannot(`lock ${layout.lockFile}`, error);
  return new DirectoryTaken(layout.directory, error);
}
