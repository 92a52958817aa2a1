import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Lab } from "./lab.ts";

/**
 * Writes out what the file system of the lab still holds, so that no contestant pays for pages that
 * another one, removed by now, or the push of the content has left to be written.
 */
export async function flushDisk(lab: Lab): Promise<void> {
  const limits = { signal: lab.signal, timeout: 120_000 };
  await promisify(execFile)("sync", ["--file-system", lab.directory], limits);
}
