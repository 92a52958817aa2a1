import { lstat, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { algorithmOf, type Digest, hexOf } from "../../oci/digest.ts";
import { prepareOwnDirectory } from "../own-directory.ts";
import { codeOf } from "../storage-error.ts";

export interface QuarantineOptions {
  readonly directory: string;
  /** The wall clock, in ms since the epoch. */
  readonly now: () => number;
}

// Whoever gets to the bottom of a disk that rots wants some samples, and not all that it spoiled. What is of no use to
// pulls must not take their room.
const filesLimit = 20;
const limitBytes = 1024 ** 3;

// A log line tells of each. Who has not looked in a week will not.
const keptMs = 7 * 86_400_000;

interface Kept {
  readonly path: string;
  readonly atMs: number;
  readonly allocatedBytes: number;
}

/**
 * Damaged content, which nobody is served any more, for people to look at: `TIME-ALGORITHM-HEX`. The newest twenty files and
 * GiB of it are kept, for a week.
 */
export class Quarantine {
  readonly #options: QuarantineOptions;

  constructor(options: QuarantineOptions) {
    this.#options = options;
  }

  /** Moves a file of the same file system here; nothing if it is gone. */
  async take(path: string, digest: Digest): Promise<void> {
    const { directory, now } = this.#options;
    await prepareOwnDirectory(directory);
    const time = new Date(now()).toISOString().replaceAll(/[-:]|\.\d+/g, "");
    try {
      await rename(path, join(directory, `${time}-${algorithmOf(digest)}-${hexOf(digest)}`));
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
    await this.trim();
  }

  /** Removes what is too old, or too much. What is not ours is left alone. */
  async trim(): Promise<void> {
    const oldestAtMs = this.#options.now() - keptMs;
    let files = 0;
    let bytes = 0;
    for (const kept of await this.#kept()) {
      files += 1;
      bytes += kept.allocatedBytes;
      const isKept = kept.atMs >= oldestAtMs && files <= filesLimit && bytes <= limitBytes;
      if (!isKept) await rm(kept.path, { force: true });
    }
  }

  /** The newest first. */
  async #kept(): Promise<Kept[]> {
    const { directory } = this.#options;
    const names = await readdir(directory).catch(noneIfMissing);
    const kept: Kept[] = [];
    for (const name of names.toSorted().reverse()) {
      const atMs = timeIn(name);
      const path = join(directory, name);
      if (atMs !== null) kept.push({ path, atMs, allocatedBytes: await allocatedBytesOf(path) });
    }
    return kept;
  }
}

function timeIn(name: string): number | null {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-sha(?:256|512)-[0-9a-f]+$/.exec(name);
  if (!parts) return null;
  const [year, month, day, hour, minute, second] = parts.slice(1);
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

async function allocatedBytesOf(path: string): Promise<number> {
  // In blocks of 512 bytes, whatever the file system's own are.
  return (await lstat(path)).blocks * 512;
}

function noneIfMissing(error: unknown): string[] {
  if (codeOf(error) === "ENOENT") return [];
  throw error;
}
