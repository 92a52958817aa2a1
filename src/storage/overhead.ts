import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Layout } from "./layout.ts";
import { codeOf } from "./storage-error.ts";

export interface OverheadOptions {
  readonly layout: Layout;
  /** Space of removed files that are still open. */
  readonly removedBytes: () => number;
  /** Paths of files that are content no more and have not gone yet. */
  readonly leftovers: () => readonly string[];
  readonly monotonicMs: () => number;
}

// The catalog grows by some hundred bytes a blob.
const filesForMs = 250;

// 512 directories, which grow by a block for every forty names.
const directoriesForMs = 5_000;

// What is not seen between two looks counts before it comes. The catalog's log grows to 1,000 pages before a checkpoint, by
// one transaction more, and stays as it is then. The rest grows by less than this: a thousand blobs take 0.5 MB of rows, and
// file systems give a file of many extents a block or two for their list.
const logBytes = 5 * 1024 * 1024;
const growthBytes = 1024 * 1024;

/**
 * What the storage directory takes beside content: the catalog with its log and backups, what is on its way out or in
 * quarantine, the directories themselves, and whatever somebody else put there at its top. Measured anew when it is asked for, but not
 * for every request.
 */
export class Overhead {
  readonly #options: OverheadOptions;
  readonly #files: Measurement;
  readonly #directories: Measurement;

  constructor(options: OverheadOptions) {
    const { layout, monotonicMs } = options;
    this.#options = options;
    this.#files = new Measurement(() => filesAndLog(layout), filesForMs, monotonicMs);
    const shards = [join(layout.blobs, "sha256"), join(layout.blobs, "sha512"), layout.blobs];
    this.#directories = new Measurement(
      () => sumOf([...shards, layout.directory], directoriesIn),
      directoriesForMs,
      monotonicMs,
    );
  }

  /** Measures what takes longest, for whoever asks for all in a moment. */
  prepare(): void {
    for (const part of [this.#files, this.#directories]) {
      // It fails for whoever asks.
      part.value().catch(() => {});
    }
  }

  /** In bytes on the disk. */
  async bytes(): Promise<number> {
    const { layout, removedBytes, leftovers } = this.#options;
    const [files, directories, left, quarantine] = await Promise.all([
      this.#files.value(),
      this.#directories.value(),
      sumOf(leftovers(), spaceOf),
      // What arrives there has left the catalog at that moment.
      filesIn(layout.quarantine),
    ]);
    return files + directories + left + quarantine + removedBytes() + growthBytes;
  }
}

/** A number that is measured at most every so often. */
class Measurement {
  readonly #measure: () => Promise<number>;
  readonly #forMs: number;
  readonly #monotonicMs: () => number;
  #last: { readonly atMs: number; readonly value: Promise<number> } | null = null;

  constructor(measure: () => Promise<number>, forMs: number, monotonicMs: () => number) {
    this.#measure = measure;
    this.#forMs = forMs;
    this.#monotonicMs = monotonicMs;
  }

  value(): Promise<number> {
    const nowMs = this.#monotonicMs();
    if (this.#last && nowMs - this.#last.atMs < this.#forMs) return this.#last.value;
    const last = { atMs: nowMs, value: this.#measure() };
    this.#last = last;
    // What failed may not fail again: whoever asks next has it measured anew.
    last.value.catch(() => {
      if (this.#last === last) this.#last = null;
    });
    return last.value;
  }
}

async function sumOf(
  paths: readonly string[],
  measure: (path: string) => Promise<number>,
): Promise<number> {
  const sums = await Promise.all(paths.map(measure));
  return sums.reduce((sum, bytes) => sum + bytes, 0);
}

/** The files at the top; the catalog's log as large as it becomes. */
async function filesAndLog({ directory, catalogFile }: Layout): Promise<number> {
  const [files, log] = await Promise.all([filesIn(directory), spaceOf(`${catalogFile}-wal`)]);
  return files + Math.max(0, logBytes - log);
}

async function filesIn(directory: string): Promise<number> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(noneIfMissing);
  const files = entries.filter((entry) => !entry.isDirectory());
  return await sumOf(
    files.map(({ name }) => join(directory, name)),
    spaceOf,
  );
}

function noneIfMissing(error: unknown): Dirent[] {
  if (codeOf(error) === "ENOENT") return [];
  throw error;
}

async function directoriesIn(directory: string): Promise<number> {
  const entries = await readdir(directory, { withFileTypes: true });
  const directories = entries.filter((entry) => entry.isDirectory());
  return await sumOf(
    directories.map(({ name }) => join(directory, name)),
    spaceOf,
  );
}

async function spaceOf(path: string): Promise<number> {
  try {
    // In blocks of 512 bytes, whatever the file system's own are.
    return (await lstat(path)).blocks * 512;
  } catch {
    // It went away meanwhile.
    return 0;
  }
}
