import type { Log } from "../telemetry/log.ts";
import { memoryTable } from "./memory-table.ts";
import { orNull } from "./storage-tools.ts";

/** Values that the catalog has by a key, in memory as far as they were asked for lately. */
export class CatalogMemory<Value extends {}> {
  readonly #log: Log;
  readonly #known: ReturnType<typeof memoryTable<Value>>;

  constructor(limit: number, log: Log) {
    this.#log = log;
    this.#known = memoryTable<Value>(limit);
  }

  inMemory(key: string): Value | undefined {
    return this.#known.get(key);
  }

  /** What is in memory, or else what `read` finds in the catalog. null if that is nothing, or the catalog fails. */
  async find(key: string, read: () => Promise<Value | null>): Promise<Value | null> {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = await orNull(this.#log, read);
    if (found !== null) this.#known.set(key, found);
    return found;
  }

  /** It is to be written to the catalog too, now or behind an answer. */
  note(key: string, value: Value): void {
    this.#known.set(key, value);
  }

  /** Out of memory, and by `write` out of the catalog. Rejects as that does. */
  async forget(key: string, write: () => Promise<void>): Promise<void> {
    this.#known.delete(key);
    try {
      await write();
    } finally {
      // Whoever looked for it meanwhile has found it in the catalog still.
      this.#known.delete(key);
    }
  }

  /** All of it is read from the catalog again. */
  clear(): void {
    this.#known.clear();
  }
}
