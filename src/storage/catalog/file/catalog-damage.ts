import { writeFileSync } from "node:fs";
import type { Layout } from "../../layout.ts";
import { isCorruption, StorageError } from "../../storage-error.ts";

/**
 * Damage within the catalog's file that opening it did not show. It cannot be repaired while the daemon runs, so a mark
 * beside the file makes the next start set it aside.
 */
export class CatalogDamage {
  readonly #layout: Layout;
  #found: StorageError | null = null;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** What was found, for an operator; null as long as nothing was. */
  get found(): StorageError | null {
    return this.#found;
  }

  /** Notes what SQLite says of the damage. The error to go on with: what to do, or `error` if it is no damage. */
  note(error: unknown): unknown {
    const cause = error instanceof StorageError ? error.cause : error;
    if (!isCorruption(cause)) return error;
    this.#found ??= this.#mark(cause);
    return this.#found;
  }

  #mark(cause: unknown): StorageError {
    const { catalogFile, catalogDamage } = this.#layout;
    try {
      writeFileSync(catalogDamage, "", { mode: 0o600 });
      return new StorageError(
        `${catalogFile} is damaged. Restart sluice: it sets the file aside and goes on with its newest backup`,
        { cause },
      );
    } catch {
      return new StorageError(
        `${catalogFile} is damaged. Stop sluice, move that file away, and start again: it goes on with its newest backup`,
        { cause },
      );
    }
  }
}
