import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempDisposable, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FileHasher } from "../../src/storage/disk/file-hasher.ts";
import { HashedBehind } from "../../src/storage/disk/hashed-behind.ts";
import { OpenFile } from "../../src/storage/disk/open-file.ts";

const mib = 1024 * 1024;

test("the hash of large content is that of all bytes, whatever pieces they came in", async () => {
  await using scene = await Scene.open();
  // More than the thread may be behind, and an end that it was not told of before.
  const sizes = [1, ...Array(12).fill(1.5 * mib), 3 * mib + 7, 5];
  const bytes = await scene.addAll(sizes);

  assert.equal((await scene.hash.copy()).digest("hex"), hexOf(bytes));
  assert.equal(await scene.hash.hex(), hexOf(bytes));
});

test("files beside each other have each its own hash", async () => {
  await using hasher = new FileHasher();
  await using first = await Scene.open(hasher);
  await using second = await Scene.open(hasher);

  const all = await Promise.all([first.addAll([2 * mib, 100]), second.addAll([50, 2 * mib])]);

  const hashes = await Promise.all([first.hash.hex(), second.hash.hex()]);
  assert.deepEqual(hashes, all.map(hexOf));
});

test("a hash thread that ends in the middle costs no content", async () => {
  await using scene = await Scene.open();
  const before = await scene.addAll([2 * mib]);
  const asked = scene.addAll([2 * mib]);
  await scene.hasher[Symbol.asyncDispose]();
  const after = Buffer.concat([await asked, await scene.addAll([2 * mib, 1])]);

  assert.equal(await scene.hash.hex(), hexOf(Buffer.concat([before, after])));
});

test("bytes that could not be written are not in the hash", async () => {
  await using scene = await Scene.open();
  const bytes = await scene.addAll([2 * mib]);
  const failure = new Error("the disk is full");

  await assert.rejects(
    scene.hash.add([Buffer.alloc(2 * mib)], Promise.reject(failure)),
    (error) => error === failure,
  );

  assert.equal(await scene.hash.hex(), hexOf(bytes));
});

test("a file that somebody has cut short has no hash", async () => {
  await using scene = await Scene.open();
  await scene.addAll([100]);
  await truncate(scene.path, 50);

  await assert.rejects(scene.hash.hex(), /shorter than what was written/);
});

// The number of a closed descriptor goes to the next file that is opened.
test("a file is not closed before the hash thread has read what was written to it", async () => {
  await using scene = await Scene.open();
  const bytes = await scene.addAll([5 * mib]);

  const hex = scene.hash.hex();
  await scene.file[Symbol.asyncDispose]();

  assert.equal(await hex, hexOf(bytes));
});

class Scene implements AsyncDisposable {
  readonly path: string;
  readonly file: OpenFile;
  readonly hasher: FileHasher;
  readonly hash: HashedBehind;
  readonly #resources: AsyncDisposableStack;
  #atBytes = 0;

  private constructor(
    path: string,
    { file, hasher }: { readonly file: OpenFile; readonly hasher: FileHasher },
    resources: AsyncDisposableStack,
  ) {
    this.path = path;
    this.file = file;
    this.hasher = hasher;
    this.hash = new HashedBehind(file, "sha256", hasher);
    this.#resources = resources;
  }

  static async open(shared?: FileHasher): Promise<Scene> {
    await using resources = new AsyncDisposableStack();
    const home = resources.use(await mkdtempDisposable(join(tmpdir(), "hashed-")));
    const hasher = shared ?? resources.use(new FileHasher());
    const path = join(home.path, "content");
    const file = resources.use(await OpenFile.create(path));
    return new Scene(path, { file, hasher }, resources.move());
  }

  /** One piece after the other, as they are written; resolves to all of them. */
  async addAll(sizes: readonly number[]): Promise<Buffer> {
    const pieces = sizes.map((size) => randomBytes(size));
    for (const piece of pieces) {
      await this.hash.add([piece], this.file.write([piece], this.#atBytes));
      this.#atBytes += piece.length;
    }
    return Buffer.concat(pieces);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hash[Symbol.dispose]();
    await this.#resources.disposeAsync();
  }
}

function hexOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
