import Database from "better-sqlite3";
import { layoutOf } from "../../src/storage/layout.ts";

/**
 * The catalog of a storage directory, held by somebody else's transaction: until this is disposed nobody writes to it. A
 * write waits for five seconds, and then fails.
 */
export class HeldCatalog implements Disposable {
  readonly #database: Database.Database;

  constructor(directory: string) {
    this.#database = new Database(layoutOf(directory).catalogFile);
    this.#database.exec("BEGIN IMMEDIATE");
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
}
