import { readFile } from "node:fs/promises";

/** How many files and sockets this process may have open; null where the system does not say. */
export async function openFilesLimit(): Promise<number | null> {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => "");
  const limit = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return limit === undefined ? null : Number(limit);
}
