import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * One run's directory and everything that lives in it. Disposing ends all of it, once, whoever asks
 * first: the end of the run, a failure, or Ctrl-C.
 */
export class Lab implements AsyncDisposable {
  readonly directory: string;
  readonly #ending = new AbortController();
  readonly #kept: AsyncDisposable[] = [];
  #ended: Promise<void> | null = null;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async open(): Promise<Lab> {
    return new Lab(await mkdtemp(join(tmpdir(), "sluice-bench-")));
  }

  /** Aborted when the run ends: clients that are still pulling are ended by it. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** A new empty directory. */
  makeDirectory(name: string): Promise<string> {
    return mkdtemp(join(this.directory, `${name}-`));
  }

  /** Ends `thing` with the run, if nobody did before: its dispose may be called twice. */
  async keep<T extends AsyncDisposable>(thing: T): Promise<T> {
    this.#kept.push(thing);
    if (this.signal.aborted) {
      await thing[Symbol.asyncDispose]();
      throw new Error("the run is ending");
    }
    return thing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    this.#ending.abort(new Error("the run is ending"));
    const failures: unknown[] = [];
    // One that does not end keeps no other from it.
    for (const thing of this.#kept.reverse()) {
      try {
        await thing[Symbol.asyncDispose]();
      } catch (error) {
        failures.push(error);
      }
    }
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
    if (failures.length > 0) throw new AggregateError(failures, "not all of the run has ended");
  }
}
