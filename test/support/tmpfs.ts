import { mkdtempDisposable, open, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustRun } from "./run-program.ts";

const pieceBytes = 1024 * 1024;

/** A small file system of its own, for what happens when one is full. Needs root. */
export class Tmpfs implements AsyncDisposable {
  readonly path: string;
  readonly #resources: AsyncDisposableStack;
  #files: string[] = [];

  private constructor(path: string, resources: AsyncDisposableStack) {
    this.path = path;
    this.#resources = resources;
  }

  /** `options` as mount(8) takes them, such as `size=64m,nr_inodes=2000`. */
  static async mount(options: string): Promise<Tmpfs> {
    await using resources = new AsyncDisposableStack();
    const { path } = resources.use(await mkdtempDisposable(join(tmpdir(), "tmpfs-")));
    await mustRun("mount", ["-t", "tmpfs", "-o", `${options},mode=0700`, "tmpfs", path]);
    // Lazily: descriptors that are still closing must not keep it.
    resources.defer(async () => void (await mustRun("umount", ["--lazy", path])));
    return new Tmpfs(path, resources.move());
  }

  /** A foreign file takes all that is free but `leaveBytes`. */
  async fillUp(leaveBytes = 0): Promise<void> {
    const file = join(this.path, `foreign-${this.#files.length}`);
    this.#files.push(file);
    await using handle = await open(file, "wx");
    const { bavail, bsize } = await statfs(this.path);
    let restBytes = bavail * bsize - leaveBytes;
    try {
      for (; restBytes > 0; restBytes -= pieceBytes) {
        await handle.appendFile(Buffer.alloc(Math.min(restBytes, pieceBytes)));
      }
    } catch (error) {
      if (!isFull(error)) throw error;
    }
  }

  /** Foreign files take every inode that is left. */
  async takeInodes(): Promise<void> {
    for (;;) {
      const file = join(this.path, `inode-${this.#files.length}`);
      try {
        await writeFile(file, "");
      } catch (error) {
        if (!isFull(error)) throw error;
        return;
      }
      this.#files.push(file);
    }
  }

  /** Foreign files go away. */
  async makeRoom(): Promise<void> {
    await Promise.all(this.#files.map((file) => rm(file, { force: true })));
    this.#files = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOSPC";
}
