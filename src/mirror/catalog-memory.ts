import type { Log } from "../telemetry/log.ts";
import { type MemoryTable, memoryTable } from "./memory-table.ts";
import { orNull } from "./storage-tools.ts";

/** What the catalog has still, because it could not be written when that was forgotten. */
const forgotten: unique symbol = Symbol("forgotten");

/** Values that the catalog has by a key, in memory as far as they were asked for lately. */
export class CatalogMemory<Value extends {}> {
  readonly #log: Log;
  readonly #known: MemoryTable<Value | typeof forgotten>;

  constructor(limit: number, log: Log) {
    this.#log = log;
    this.#known = memoryTable(limit);
  }

  inMemory(key: string): Value | undefined {
    const known = this.#known.get(key);
    return known === forgotten ? undefined : known;
  }

  /** What is in memory, or else what `read` finds in the catalog. null if that is nothing, or the catalog fails. */
  async find(key: string, read: () => Promise<Value | null>): Promise<Value | null> {
    const known = this.#known.get(key);
    if (known !== undefined) return known === forgotten ? null : known;
    const found = await orNull(this.#log, read);
    // It may have been forgotten meanwhile, but in the catalog.
    if (this.#known.get(key) === forgotten) return null;
    if (found !== null) this.#known.set(key, found);
    return found;
  }

  /** As `find`, but whether the catalog has it: be it only because it could not be written. */
  async isWritten(key: string, read: () => Promise<Value | null>): Promise<boolean> {
    return this.#known.get(key) === forgotten || (await this.find(key, read)) !== null;
  }

  /** It is to be written to the catalog too, now or behind an answer. */
  note(key: string, value: Value): void {
    this.#known.set(key, value);
  }

  /**
   * Out of memory, and by `write` out of the catalog. If that fails, it is forgotten in memory alone, until it is forgotten
   * once more and that succeeds, or others take its place: what upstream has refused is not served for a broken disk.
   */
  async forget(key: string, write: () => Promise<void>): Promise<void> {
    // At once: whoever looks for it meanwhile would find it in the catalog still.
    this.#known.set(key, forgotten);
    const isWritten = await orNull(this.#log, () => write().then(() => true));
    if (isWritten && this.#known.get(key) === forgotten) this.#known.delete(key);
  }

  /** All of it is read from the catalog again, but for what that should not have. */
  clear(): void {
    const kept: string[] = [];
    for (const [key, known] of this.#known.entries()) if (known === forgotten) kept.push(key);
    this.#known.clear();
    for (const key of kept) this.#known.set(key, forgotten);
  }
}
