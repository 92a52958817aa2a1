import type { RootRow } from "./victim-queries.ts";

/** By priority; of equals, what was pulled longer ago. */
export function goesBefore(one: RootRow, other: RootRow): boolean {
  if (one.priority !== other.priority) return one.priority < other.priority;
  return one.lastAtMs < other.lastAtMs;
}
