import { JoinedRuns } from "../joined-runs.ts";
import type { BoundedFile } from "./bounded-file.ts";
import { ChangingFile } from "./changing-file.ts";

/** What is in each of so many files. */
type ContentsOf<Paths extends readonly string[]> = { readonly [At in keyof Paths]: BoundedFile };

export interface FollowedFilesOptions<Paths extends readonly string[], Judged> {
  readonly paths: Paths;
  readonly read: (path: string) => Promise<BoundedFile>;
  /** What the files hold together, or what is wrong with them; in the order of `paths`. */
  readonly judge: (contents: ContentsOf<Paths>) => Judged;
}

/** Files that mean something together, judged anew when one of them has changed. */
export class FollowedFiles<const Paths extends readonly string[], Judged> {
  readonly #files: readonly ChangingFile<BoundedFile>[];
  readonly #judge: FollowedFilesOptions<Paths, Judged>["judge"];
  #last: readonly BoundedFile[] = [];

  constructor({ paths, read, judge }: FollowedFilesOptions<Paths, Judged>) {
    this.#files = paths.map((path) => new ChangingFile(path, read));
    this.#judge = judge;
  }

  /** What they hold now; null if that is what they held the last time. */
  async look(): Promise<Judged | null> {
    const contents = await Promise.all(this.#files.map((file) => file.content()));
    if (contents.every((content, at) => content === this.#last[at])) return null;
    this.#last = contents;
    // There is one for each path.
    return this.#judge(contents as unknown as ContentsOf<Paths>);
  }

  /** Reads them again the next time, whatever their times say. */
  forget(): void {
    for (const file of this.#files) file.forget();
  }
}

/** Looks every so often, and when it is asked to; one look at a time. Never keeps the process running. */
export class Lookout implements Disposable {
  readonly #looks: JoinedRuns;
  readonly #timer: NodeJS.Timeout;

  /** `once` must not reject. */
  constructor(everyMs: number, once: () => Promise<void>) {
    this.#looks = new JoinedRuns(once);
    this.#timer = setInterval(() => void this.look(), everyMs).unref();
  }

  /** Resolves when there has been a look that began after this was called. */
  look(): Promise<void> {
    return this.#looks.run();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
