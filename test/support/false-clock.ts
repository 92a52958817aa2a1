import { glob, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A wall clock for another process that can be set; the clock that never jumps stays true. libfaketime. */
export class FalseClock {
  readonly #library: string;
  readonly #file: string;

  private constructor(library: string, file: string) {
    this.#library = library;
    this.#file = file;
  }

  /** Keeps its file in `directory`; null where libfaketime is not installed. */
  static async find(directory: string): Promise<FalseClock | null> {
    for await (const library of glob("/usr/lib/*/faketime/libfaketimeMT.so.1")) {
      const clock = new FalseClock(library, join(directory, "clock"));
      await clock.set(0);
      return clock;
    }
    return null;
  }

  /** For the process that is to go by this clock. */
  get env(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: this.#library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
  }

  /** How far it is ahead of the machine's. */
  async set(aheadSeconds: number): Promise<void> {
    await writeFile(`${this.#file}.new`, `${aheadSeconds < 0 ? "" : "+"}${aheadSeconds}`);
    await rename(`${this.#file}.new`, this.#file);
  }
}
