import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bench } from "./question.ts";
import type { ServerProcess } from "./server-process.ts";
import { startSluice } from "./sluice.ts";

/**
 * Starts sluice on a large store. Its files are empty, and its catalog says that they are terabytes: the disk has nothing to
 * do with that. A scrub would find each of them wrong and put dozens a second into quarantine, beside what is measured.
 */
export function startOnStore({ lab, origin }: Bench, directory: string): Promise<ServerProcess> {
  const storage = { directory, maxSize: "1000TiB", minFree: "0B", scrub: "off" };
  return startSluice(lab, origin.url, { settings: { storage } });
}

/** Resolves when the work that follows a start is done. */
export async function filesAreCompared(server: ServerProcess, signal: AbortSignal): Promise<void> {
  const untilMs = Date.now() + 600_000;
  while (Date.now() < untilMs) {
    const log = await readFile(join(server.directory, "output.log"), "utf8");
    if (log.includes("compared the files with the catalog")) return;
    await sleep(200, null, { signal });
  }
  throw new Error("the files were not compared with the catalog within ten minutes");
}
