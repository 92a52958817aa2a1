import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Lab } from "./lab.ts";

/**
 * Leaves `sizeBytes` of memory free that has just been used, by writing a file and removing it before
 * it gets to the disk. A virtual machine gives free pages back to its host after some seconds, and the
 * next to write on such a page waits for the host: one file took 0.2 s on pages just freed and 3 s on
 * others. Whoever came after a contestant that had freed many would win by that alone.
 */
export async function primeMemory(lab: Lab, sizeBytes: number): Promise<void> {
  const path = join(lab.directory, "primer");
  {
    await using file = await open(path, "w");
    const page = Buffer.alloc(2 * 1024 * 1024);
    for (let written = 0; written < sizeBytes; written += page.length) {
      lab.signal.throwIfAborted();
      await file.write(page);
    }
  }
  await rm(path);
}
