import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { type ClientFile, isOurs } from "../client-config/client.ts";
import { CommandError } from "./command-error.ts";

/**
 * Writes the files below a directory, as if it were the client's root directory, and resolves to their paths there.
 * Rejects with CommandError, before anything is written, if one would take the place of a file that somebody else wrote.
 */
export async function writeBelow(
  directory: string,
  files: readonly ClientFile[],
): Promise<string[]> {
  const placed = files.map(({ path, text }) => ({ path: resolve(join(directory, path)), text }));
  for (const file of placed) await refuseToReplace(file);
  for (const file of placed) await write(file);
  return placed.map(({ path }) => path);
}

async function refuseToReplace({ path, text }: ClientFile): Promise<void> {
  const there = await readIfThere(path);
  if (there === null || there === text || isOurs(there)) return;
  throw new CommandError(
    `${path} is there already, and not by sluice: run this without --write, and put into it what it lacks`,
  );
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw cannot("read", path, error);
  }
}

// Under another name first: clients read these files at any moment.
async function write({ path, text }: ClientFile): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const unfinished = `${path}.sluice`;
    await writeFile(unfinished, text);
    await rename(unfinished, path);
  } catch (error) {
    throw cannot("write", path, error);
  }
}

function cannot(doing: string, path: string, cause: unknown): CommandError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new CommandError(`cannot ${doing} ${path}: ${why}`, { cause });
}
