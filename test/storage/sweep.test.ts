import assert from "node:assert/strict";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { DiskBlobStore } from "../../src/storage/disk/disk-blob-store.ts";
import { removeLeftovers } from "../../src/storage/disk/leftovers.ts";
import { codeOf } from "../../src/storage/storage-error.ts";
import { commitBytes, storedBytes } from "../support/blob-store-suite.ts";
import { Child } from "./child.ts";
import { storageDirectory, storeDirectory } from "./storage-directory.ts";

suite("the sweep of what a crash left behind", () => {
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

  test("a leftover that cannot be removed is reported, and the rest is removed all the same", async () => {
    await using directory = await storageDirectory();
    const file = join(directory.layout.ingest, "file");
    await writeFile(file, "");

    const sweep = await removeLeftovers([join(file, "below-a-file"), file]);

    assert.equal(sweep.removed, 1);
    assert.deepEqual(
      sweep.failures.map(({ path, error }) => [path, codeOf(error)]),
      [[join(file, "below-a-file"), "ENOTDIR"]],
    );
    assert.deepEqual(await readdir(directory.layout.ingest), []);
  });

  test("sweeping twice is one sweep", async () => {
    await using directory = await storageDirectory();
    await writeFile(join(directory.layout.ingest, "half"), "");
    const store = await DiskBlobStore.open(directory.layout);

    const [first, second] = await Promise.all([store.sweep(), store.sweep()]);

    assert.equal(first, second);
    assert.equal(first.removed, 1);
  });
});
