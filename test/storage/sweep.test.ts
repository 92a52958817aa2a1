import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { DiskBlobStore } from "../../src/storage/disk/disk-blob-store.ts";
import { codeOf } from "../../src/storage/storage-error.ts";
import { commitBytes, storedBytes } from "../support/blob-store-suite.ts";
import { Child } from "./child.ts";
import { storageDirectory, storeDirectory } from "./storage-directory.ts";

suite("the sweep of what is content no more", () => {
  test("an ingest that was killed is not served, and is swept", async () => {
    await using directory = await storageDirectory();
    {
      await using _killed = await Child.start("stall-ingest", directory.layout.directory);
    }
    assert.equal((await readdir(directory.layout.ingest)).length, 1);

    const store = await DiskBlobStore.open(directory.layout);

    assert.deepEqual(await store.sweep(), { removed: 1, failures: [] });
    assert.deepEqual(await readdir(directory.layout.ingest), []);
    assert.deepEqual(await readdir(directory.layout.blobs, { recursive: true }), [
      "sha256",
      "sha512",
    ]);
  });

  test("ingest/ and trash/ are emptied, and nothing else is touched", async () => {
    await using directory = await storeDirectory();
    const { layout } = directory;
    const kept = Buffer.from("kept");
    await commitBytes(directory.store, kept);
    await writeFile(join(layout.ingest, "half"), "half a blob");
    await writeFile(join(layout.trash, "removed"), "a blob");
    await mkdir(join(layout.trash, "directory", "inner"), { recursive: true });

    const store = await DiskBlobStore.open(layout);

    assert.deepEqual(await store.sweep(), { removed: 3, failures: [] });
    assert.deepEqual(await readdir(layout.ingest), []);
    assert.deepEqual(await readdir(layout.trash), []);
    assert.deepEqual(await storedBytes(store, digestOf(kept)), kept);
  });

  test("an ingest that began after the store was opened is spared", async () => {
    await using directory = await storeDirectory();
    const bytes = Buffer.from("arriving");
    await using ingest = await directory.store.ingest(digestOf(bytes));
    await ingest.append([bytes]);

    assert.deepEqual(await directory.store.sweep(), { removed: 0, failures: [] });

    await ingest.verify();
    await ingest.commit();
    assert.deepEqual(await storedBytes(directory.store, digestOf(bytes)), bytes);
  });

  test("symbolic links are removed and not followed", async () => {
    await using directory = await storageDirectory();
    const { layout } = directory;
    const outside = join(layout.directory, "outside");
    await mkdir(outside);
    await writeFile(join(outside, "precious"), "precious");
    await symlink(outside, join(layout.ingest, "to-directory"));
    await symlink(join(outside, "precious"), join(layout.trash, "to-file"));

    const store = await DiskBlobStore.open(layout);

    assert.deepEqual(await store.sweep(), { removed: 2, failures: [] });
    assert.equal(await readFile(join(outside, "precious"), "utf8"), "precious");
  });

  test("a leftover that cannot be removed is told of, the rest goes all the same, and the next sweep tries it again", async () => {
    await using directory = await storageDirectory();
    const { layout } = directory;
    const [stuck, loose] = [join(layout.trash, "stuck"), join(layout.ingest, "loose")];
    for (const path of [stuck, loose]) await writeFile(path, "");
    const store = await DiskBlobStore.open(layout);
    {
      await using _blocked = await fileInPlaceOf(layout.trash);

      const { removed, failures } = await store.sweep();

      assert.equal(removed, 1);
      assert.deepEqual(
        failures.map(({ path, error }) => [path, codeOf(error)]),
        [[stuck, "ENOTDIR"]],
      );
      assert.deepEqual(store.leftovers, [stuck]);
    }

    assert.deepEqual(await store.sweep(), { removed: 1, failures: [] });

    assert.deepEqual(await readdir(layout.trash), []);
    assert.deepEqual(store.leftovers, []);
  });

  test("an ingest whose file could not be removed is a leftover until a sweep removes it", async () => {
    await using directory = await storeDirectory();
    const { store, layout } = directory;
    const bytes = Buffer.from("arriving");
    const ingest = await store.ingest(digestOf(bytes));
    const path = join(layout.ingest, ...(await readdir(layout.ingest)));
    {
      await using _blocked = await fileInPlaceOf(layout.ingest);
      await ingest[Symbol.asyncDispose]();
    }
    assert.deepEqual(store.leftovers, [path]);

    assert.deepEqual(await store.sweep(), { removed: 1, failures: [] });

    assert.deepEqual(await readdir(layout.ingest), []);
  });

  test("who asks for a sweep while one runs shares it", async () => {
    await using directory = await storageDirectory();
    await writeFile(join(directory.layout.ingest, "half"), "");
    const store = await DiskBlobStore.open(directory.layout);

    const [first, second] = await Promise.all([store.sweep(), store.sweep()]);

    assert.equal(first, second);
    assert.equal(first.removed, 1);
  });
});

/** Nothing below `directory` can be reached until disposed. */
async function fileInPlaceOf(directory: string): Promise<AsyncDisposable> {
  const away = `${directory}-away`;
  await rename(directory, away);
  await writeFile(directory, "");
  return {
    [Symbol.asyncDispose]: async () => {
      await rm(directory);
      await rename(away, directory);
    },
  };
}
