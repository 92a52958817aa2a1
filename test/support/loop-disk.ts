import { mkdir, mkdtempDisposable, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mustRun } from "./run-program.ts";

export type FileSystem = "ext4" | "xfs";

// XFS takes no less than 300 MB; the image has holes.
const sizeBytes = 400 * 1024 * 1024;

/** A disk in a file, whose power can fail. Needs root, mkfs of its file system, and xfs_io. */
export class LoopDisk implements AsyncDisposable {
  /** Where it is mounted. */
  readonly path: string;
  readonly #kind: FileSystem;
  #image: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    kind: FileSystem,
    place: { readonly image: string; readonly path: string },
    resources: AsyncDisposableStack,
  ) {
    this.path = place.path;
    this.#kind = kind;
    this.#image = place.image;
    this.#resources = resources;
  }

  static async make(kind: FileSystem): Promise<LoopDisk> {
    await using resources = new AsyncDisposableStack();
    const home = resources.use(await mkdtempDisposable(join(tmpdir(), "loop-disk-")));
    const [image, path] = [join(home.path, "image"), join(home.path, "disk")];
    await mkdir(path);
    await writeFile(image, "");
    await truncate(image, sizeBytes);
    await mustRun(`mkfs.${kind}`, ["-q", image]);
    await mustRun("mount", ["-o", "loop", image, path]);
    // Lazily: descriptors that are still closing must not keep it.
    resources.defer(async () => void (await mustRun("umount", ["--lazy", path])));
    return new LoopDisk(kind, { image, path }, resources.move());
  }

  /**
   * From now on nothing can be written, and what was not flushed is lost, the journal as well. It is how xfstests cuts
   * the power: what memory held is gone, but the disk does not lie.
   */
  async cutPower(): Promise<void> {
    await mustRun("xfs_io", ["-x", "-c", "shutdown", this.path]);
  }

  /**
   * The disk as it is found after that. It is a copy: a mount namespace that somebody made meanwhile keeps the one
   * without power, and mounting its image again would give that.
   */
  async restorePower(): Promise<void> {
    const found = `${this.#image}+`;
    await mustRun("umount", ["--lazy", this.path]);
    await mustRun("cp", ["--sparse=always", this.#image, found]);
    await rm(this.#image);
    this.#image = found;
    // XFS refuses to mount two of the same UUID.
    const options = this.#kind === "xfs" ? "loop,nouuid" : "loop";
    await mustRun("mount", ["-o", options, found, this.path]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}
