import { randomUUID } from "node:crypto";
import { chmod, lstat, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { cannot, codeOf, StorageError } from "./storage-error.ts";

/**
 * Makes sure that `path`, a directory of ours, is there and nobody else can reach into it. Throws
 * StorageError if it is no directory (a symbolic link is none) or was writable by everybody.
 */
export async function prepareOwnDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw cannot(`create ${path}`, error);
  }
  const status = await lstat(path);
  if (!status.isDirectory()) {
    const found = status.isSymbolicLink() ? "a symbolic link" : "no directory";
    throw new StorageError(
      `${path} is ${found}, but sluice keeps its files in a real directory there. Move it away, or set storage.directory to another place`,
    );
  }
  refuseWorldWritable(path, status.mode);
  if ((status.mode & 0o777) !== 0o700) await tighten(path);
}

/** Throws StorageError if every user of the machine may write to `path`: they could plant files there. */
export function refuseWorldWritable(path: string, mode: number): void {
  if ((mode & 0o002) === 0) return;
  throw new StorageError(
    `every user of this machine can write to ${path}, and so change what sluice serves. Take that permission away (chmod o-w ${path}), or set storage.directory to another place`,
  );
}

async function tighten(path: string): Promise<void> {
  try {
    await chmod(path, 0o700);
  } catch (error) {
    throw cannot(`make ${path} private (mode 0700)`, error);
  }
}

/**
 * Creates an empty file and moves it through `directories`, as a blob goes. Only the deed tells: permission
 * bits say nothing to root, and nothing about a read-only or foreign file system.
 */
export async function probeWritable(directories: readonly string[]): Promise<void> {
  let probe: string | null = null;
  for (const directory of directories) {
    const next = join(directory, `.probe-${randomUUID()}`);
    try {
      await (probe === null ? createEmpty(next) : rename(probe, next));
    } catch (error) {
      if (probe !== null) await rm(probe, { force: true });
      throw cannot(`write to ${directory}`, error);
    }
    probe = next;
  }
  if (probe !== null) await rm(probe);
}

async function createEmpty(path: string): Promise<void> {
  await using _file = await open(path, "wx", 0o600);
}
