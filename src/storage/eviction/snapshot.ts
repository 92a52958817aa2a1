import type Database from "better-sqlite3";

// A step reads an image's members, some dozens of them or a thousand where somebody means harm: some milliseconds in all, or
// some hundred.
const stepsLimit = 100;

/**
 * A read transaction for thousands of look-ups, which take a tenth longer if each begins and ends its own. It begins anew
 * along the way, for the catalog's log cannot be written to the catalog while one is open.
 */
export class Snapshot implements Disposable {
  readonly #database: Database.Database;
  #steps = 0;

  constructor(database: Database.Database) {
    this.#database = database;
  }

  /** What is read from now on may be of a later moment than what was read before. No statement may be running. */
  step(): void {
    if (this.#steps++ % stepsLimit !== 0) return;
    this[Symbol.dispose]();
    this.#database.exec("BEGIN");
  }

  [Symbol.dispose](): void {
    if (this.#database.inTransaction) this.#database.exec("COMMIT");
  }
}
