import { stat } from "node:fs/promises";

/** What a file holds, read again when the file has changed. */
export class ChangingFile<Content> {
  readonly #path: string;
  readonly #read: (path: string) => Promise<Content>;
  #last: { readonly version: string; readonly content: Content } | null = null;

  constructor(path: string, read: (path: string) => Promise<Content>) {
    this.#path = path;
    this.#read = read;
  }

  /** Rejects as `read` does, also when the file is gone. */
  async content(): Promise<Content> {
    // Before the content, so that a change in between is seen the next time.
    const version = await versionOf(this.#path);
    if (version !== null && version === this.#last?.version) return this.#last.content;
    const content = await this.#read(this.#path);
    this.#last = version === null ? null : { version, content };
    return content;
  }

  /** Reads the file again the next time: two changes within a tick of the file system's clock look like one. */
  forget(): void {
    this.#last = null;
  }
}

/** null where the file cannot be looked at; why is for whoever reads it to say. */
async function versionOf(path: string): Promise<string | null> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
  } catch {
    return null;
  }
}
