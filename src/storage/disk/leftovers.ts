import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** What became of the leftovers of a crash. */
export interface Sweep {
  readonly removed: number;
  readonly failures: readonly SweepFailure[];
}

export interface SweepFailure {
  readonly path: string;
  readonly error: unknown;
}

/** The paths of everything in `directories`. */
export async function listLeftovers(directories: readonly string[]): Promise<string[]> {
  const lists = directories.map(async (directory) =>
    (await readdir(directory)).map((name) => join(directory, name)),
  );
  return (await Promise.all(lists)).flat();
}

/** Removes `paths`, one after the other: nobody waits for it. A symbolic link is removed, never followed. */
export async function removeLeftovers(paths: readonly string[]): Promise<Sweep> {
  const failures: SweepFailure[] = [];
  for (const path of paths) {
    try {
      await rm(path, { recursive: true, force: true });
    } catch (error) {
      failures.push({ path, error });
    }
  }
  return { removed: paths.length - failures.length, failures };
}
