import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Sweep, SweepFailure } from "../blob-store.ts";
import { codeOf } from "../storage-error.ts";
import type { OpenContents } from "./open-contents.ts";

/**
 * Files that are content no more and have not gone yet: what a crash left, and what could not be removed when its time came.
 * They take space until they go, so they are known until then, and there are no more than lie in `ingest/` and `trash/`.
 */
export class Leftovers {
  readonly #paths: Set<string>;
  readonly #openContents: OpenContents;
  #sweep: Promise<Sweep> | null = null;

  private constructor(paths: readonly string[], openContents: OpenContents) {
    this.#paths = new Set(paths);
    this.#openContents = openContents;
  }

  /** All that lies in `directories` now. What goes while it is still open is told to `openContents`. */
  static async in(directories: readonly string[], openContents: OpenContents): Promise<Leftovers> {
    const lists = directories.map(async (directory) =>
      (await readdir(directory)).map((name) => join(directory, name)),
    );
    return new Leftovers((await Promise.all(lists)).flat(), openContents);
  }

  get paths(): readonly string[] {
    return [...this.#paths];
  }

  /** Removes `path`, whatever it is; a symbolic link is not followed. If that fails, it rejects, and the next sweep tries again. */
  async remove(path: string): Promise<void> {
    try {
      const { ino, blocks } = await lstat(path, { bigint: true });
      await rm(path, { recursive: true, force: true });
      this.#openContents.remove(ino, Number(blocks) * 512);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") {
        this.#paths.add(path);
        throw error;
      }
    }
    this.#paths.delete(path);
  }

  /** Tries to remove all there are. Never rejects: what does not go is in the result. Whoever asks meanwhile shares it. */
  sweep(): Promise<Sweep> {
    this.#sweep ??= this.#removeAll().finally(() => {
      this.#sweep = null;
    });
    return this.#sweep;
  }

  /** One after the other: clients are served meanwhile. */
  async #removeAll(): Promise<Sweep> {
    const paths = this.paths;
    const failures: SweepFailure[] = [];
    for (const path of paths) {
      await this.remove(path).catch((error: unknown) => failures.push({ path, error }));
    }
    return { removed: paths.length - failures.length, failures };
  }
}
