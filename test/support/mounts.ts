import { readFile } from "node:fs/promises";
import { mustRun } from "./run-program.ts";

/**
 * Unmounts whatever container engines left mounted below a directory, such as network namespaces, so that
 * it can be removed.
 */
export async function unmountBelow(directory: string): Promise<void> {
  const mounts = await readFile("/proc/self/mounts", "utf8");
  const targets = mounts.split("\n").flatMap((line) => line.split(" ")[1] ?? []);
  for (const target of targets.filter((path) => path.startsWith(`${directory}/`)).reverse()) {
    await mustRun("umount", [target]);
  }
}
