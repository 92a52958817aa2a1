import { type CaFile, caFileOf, readCaText } from "../config/files/ca-file.ts";
import { FollowedFiles } from "../config/files/followed-files.ts";
import type { Look } from "./followed-pair.ts";

/** Certificates of authorities as they are in their file, or were when they last were good. */
export class FollowedCa {
  pem: string | null = null;
  readonly #file: FollowedFiles<readonly [string], CaFile>;
  #problem: string | null = null;

  constructor(path: string) {
    this.#file = new FollowedFiles({
      paths: [path],
      read: readCaText,
      judge: ([file]) => caFileOf(path, file),
    });
  }

  /** Whether the file, as it is now, cannot be used. */
  get isBroken(): boolean {
    return this.#problem !== null;
  }

  forget(): void {
    this.#file.forget();
  }

  async look(): Promise<Look> {
    const read = await this.#file.look();
    if (read === null) return { changed: false, problem: null };
    if (read.kind === "problem") {
      const isKnown = this.#problem === read.message;
      this.#problem = read.message;
      return { changed: false, problem: isKnown ? null : read.message };
    }
    const changed = this.pem !== read.pem;
    this.#problem = null;
    this.pem = read.pem;
    return { changed, problem: null };
  }
}
