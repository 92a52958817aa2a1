import type { BigIntStats } from "node:fs";

/**
 * The identity of a stored file: whatever writes to it, replaces it or restores it from a backup changes
 * at least one of these. Renaming changes the ctime too, so it is taken after the rename.
 */
export function identityOf(status: BigIntStats): string {
  return `${status.ino}-${status.size}-${status.mtimeNs}-${status.ctimeNs}`;
}
