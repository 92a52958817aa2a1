import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** A directory with credential helpers: shell scripts that a PATH finds. */
export class HelperScripts implements AsyncDisposable {
  readonly directory: string;
  /** Leads to the scripts, then to the system's programs. */
  readonly path: string;
  readonly #remove: () => Promise<void>;

  private constructor(directory: string, remove: () => Promise<void>) {
    this.directory = directory;
    this.path = [directory, "/usr/bin", "/bin"].join(delimiter);
    this.#remove = remove;
  }

  static async create(): Promise<HelperScripts> {
    const { path, remove } = await mkdtempDisposable(join(tmpdir(), "sluice-helpers-"));
    return new HelperScripts(path, remove);
  }

  /** Makes `docker-credential-NAME` of the lines of a shell script. */
  async add(name: string, script: string): Promise<void> {
    const file = join(this.directory, `docker-credential-${name}`);
    await writeFile(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  /** A file beside the scripts, by its full name. */
  file(name: string): string {
    return join(this.directory, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remove();
  }
}
