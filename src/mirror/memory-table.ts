import { LRUCache } from "lru-cache";

/** What is remembered by name, at most `limit` of it: what was asked for longest ago goes first. */
export type MemoryTable<Value extends {}> = LRUCache<string, Value>;

/**
 * An empty one, which is small: a table with `max` would be made in its whole length at once, which took 50 ms of each
 * start and 5 MB for all of a mirror's, most of them never filled.
 */
export function memoryTable<Value extends {}>(limit: number): MemoryTable<Value> {
  return new LRUCache({ maxSize: limit, sizeCalculation: () => 1 });
}
