import assert from "node:assert/strict";
import { chmod, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Digest, digestOf } from "../../src/oci/digest.ts";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import { DigestLocks } from "../../src/storage/digest-locks.ts";
import { DiskBlobStore } from "../../src/storage/disk/disk-blob-store.ts";
import { blobFile, type Layout } from "../../src/storage/layout.ts";
import { type ScanCounts, StoreScan } from "../../src/storage/verification/store-scan.ts";
import { blobRecord, locationOf } from "../support/catalog-suite.ts";
import { haveAll, programPath } from "../support/real-program.ts";
import { mustRun } from "../support/run-program.ts";
import { type StorageDirectory, storageDirectory } from "./storage-directory.ts";

const alpine = locationOf("docker.io", "library/alpine");
const { signal } = new AbortController();

interface Fixture extends StorageDirectory {
  readonly catalog: SqliteCatalog;
}

async function storage(): Promise<Fixture> {
  await using stack = new AsyncDisposableStack();
  const { layout } = stack.use(await storageDirectory());
  const catalog = stack.use(await SqliteCatalog.open(layout));
  const owned = stack.move();
  return { layout, catalog, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function scanOf(layout: Layout, catalog: SqliteCatalog): StoreScan {
  return new StoreScan({ layout, catalog, locks: new DigestLocks() });
}

/** Content under its digest, without a row. */
async function plant(layout: Layout, text: string, algorithm?: "sha512"): Promise<Digest> {
  const digest = digestOf(Buffer.from(text), algorithm);
  await mkdir(dirname(blobFile(layout, digest)), { recursive: true });
  await writeFile(blobFile(layout, digest), text);
  return digest;
}

suite("the scan of the store", () => {
  test("files without a row are adopted, and what is adopted counts", async () => {
    await using fixture = await storage();
    const { layout, catalog } = fixture;
    const digests = [await plant(layout, "one"), await plant(layout, "two", "sha512")];

    const counts = await scanOf(layout, catalog).run(signal);

    assert.deepEqual(counts, {
      files: 2,
      adopted: 2,
      forgotten: 0,
      foreign: 0,
      firstForeign: [],
    });
    for (const digest of digests) {
      assert.equal((await catalog.blob(digest))?.sizeBytes, 3);
      assert.equal(await catalog.grantedAtMs(alpine, digest), null);
    }
    assert.partialDeepStrictEqual(await catalog.usage(), { blobs: 2, bytes: 6 });
  });

  test("rows without a file are forgotten, whether or not their directory is there", async () => {
    await using fixture = await storage();
    const { layout, catalog } = fixture;
    const kept = { ...blobRecord("kept"), digest: await plant(layout, "kept") };
    const lost = ["a", "b", "c", "d"].map((text) => blobRecord(text));
    for (const blob of [kept, ...lost]) await catalog.recordBlob(alpine, blob, 1);
    await mkdir(dirname(blobFile(layout, lost[0]?.digest ?? kept.digest)), { recursive: true });

    const { files, adopted, forgotten } = await scanOf(layout, catalog).run(signal);

    assert.deepEqual({ files, adopted, forgotten }, { files: 1, adopted: 0, forgotten: 4 });
    assert.deepEqual(await catalog.blobs(null, 10), [kept]);
    assert.equal(await catalog.grantedAtMs(alpine, lost[0]?.digest ?? kept.digest), 1);
  });

  test("thousands of files and rows in all shards are compared", async () => {
    await using fixture = await storage();
    const { layout, catalog } = fixture;
    const texts = Array.from({ length: 3000 }, (_, index) => `${index}`);
    for (const text of texts.slice(0, 2000)) await plant(layout, text);
    const rows = texts.slice(1000).map((text) => blobRecord(text));
    await Promise.all(rows.map((row) => catalog.recordBlob(alpine, row, 1)));

    const { files, adopted, forgotten } = await scanOf(layout, catalog).run(signal);

    assert.deepEqual(
      { files, adopted, forgotten },
      { files: 2000, adopted: 1000, forgotten: 1000 },
    );
    assert.equal((await catalog.usage()).blobs, 2000);
    assert.equal((await catalog.blob(blobRecord("1500").digest))?.identity, "identity of 1500");
  });

  test("files that are not ours are left alone, counted, and the first of them named", async () => {
    await using fixture = await storage();
    const { layout, catalog } = fixture;
    const digest = await plant(layout, "ours");
    const shard = dirname(blobFile(layout, digest));
    const outside = join(layout.directory, "outside");
    await writeFile(outside, "precious");
    const foreign = [
      join(layout.blobs, "lost+found"),
      join(layout.blobs, "sha256", "lost+found"),
      join(shard, "lost+found"),
    ];
    for (const path of foreign) await mkdir(path);
    await writeFile(join(shard, "README"), "");
    // A name of another shard, and a link in place of content.
    await writeFile(join(shard, "0".repeat(64)), "");
    await symlink(outside, join(shard, `${shard.slice(-2)}${"0".repeat(62)}`));

    const counts = await scanOf(layout, catalog).run(signal);

    assert.equal(counts.files, 1);
    assert.equal(counts.adopted, 1);
    assert.equal(counts.foreign, 6);
    assert.equal(counts.firstForeign.length, 5);
    assert.deepEqual(counts.firstForeign.slice(0, 2), foreign.slice(0, 2));
    assert.equal(await readFile(outside, "utf8"), "precious");
    assert.equal((await catalog.usage()).blobs, 1);
  });

  test("a directory in the place of content is left alone, and its row forgotten", async () => {
    await using fixture = await storage();
    const { layout, catalog } = fixture;
    const blob = blobRecord("layer");
    await catalog.recordBlob(alpine, blob, 1);
    await mkdir(blobFile(layout, blob.digest), { recursive: true });

    const { foreign, forgotten } = await scanOf(layout, catalog).run(signal);

    assert.deepEqual({ foreign, forgotten }, { foreign: 1, forgotten: 1 });
    assert.equal(await catalog.blob(blob.digest), null);
  });

  test("the rows of a directory that cannot be read are kept", async () => {
    await using fixture = await storage();
    const { layout, catalog } = fixture;
    const blob = blobRecord("layer");
    await catalog.recordBlob(alpine, blob, 1);
    // Root reads everything, but no file is a directory.
    const shard = dirname(blobFile(layout, blob.digest));
    await writeFile(shard, "");

    const counts = await scanOf(layout, catalog).run(signal);

    assert.equal(counts.forgotten, 0);
    assert.deepEqual(counts.firstForeign, [shard]);
    assert.deepEqual(await catalog.blob(blob.digest), blob);
  });

  test("a directory that it may not read is left alone with its rows, and the others are scanned", async (t) => {
    if (!haveAll(t, "setpriv")) return;
    await using directory = await storageDirectory();
    const { layout } = directory;
    const hidden = blobRecord("hidden");
    {
      await using catalog = await SqliteCatalog.open(layout);
      await catalog.recordBlob(alpine, hidden, 1);
    }
    await plant(layout, "seen");
    const shard = dirname(blobFile(layout, await plant(layout, "hidden")));
    await chmod(shard, 0);

    const counts = await scanAsPeople(layout.directory);

    await chmod(shard, 0o700);
    assert.equal(counts.adopted, 1);
    assert.equal(counts.forgotten, 0);
    assert.deepEqual(counts.firstForeign, [shard]);
  });

  test("content that is committed while the scan runs keeps the row of its fill", async () => {
    await using fixture = await storage();
    const { layout, catalog } = fixture;
    const store = await DiskBlobStore.open(layout);
    const texts = Array.from({ length: 200 }, (_, index) => `filled ${index}`);
    const fill = async (text: string): Promise<void> => {
      const bytes = Buffer.from(text);
      const digest = digestOf(bytes);
      await using ingest = await store.ingest(digest);
      await ingest.append([bytes]);
      await ingest.verify();
      const identity = await ingest.commit();
      await catalog.recordBlob(alpine, { digest, sizeBytes: bytes.length, identity }, 1);
    };

    const scans = (async () => {
      for (let round = 0; round < 5; round++) await scanOf(layout, catalog).run(signal);
    })();
    for (const text of texts) await fill(text);
    await scans;

    for (const text of texts) {
      const digest = digestOf(Buffer.from(text));
      await using blob = await store.open(digest);
      assert.equal((await catalog.blob(digest))?.identity, blob?.identity);
      assert.equal(await catalog.grantedAtMs(alpine, digest), 1);
    }
  });

  test("a file that is gone when it is looked at is not adopted", async () => {
    await using fixture = await storage();
    const { layout, catalog } = fixture;
    const digests = await Promise.all(["a", "b", "c"].map((text) => plant(layout, text)));
    const blob = catalog.blob.bind(catalog);
    catalog.blob = async (digest) => {
      await rm(blobFile(layout, digest), { force: true });
      return await blob(digest);
    };

    const { adopted } = await scanOf(layout, catalog).run(signal);

    assert.equal(adopted, 0);
    for (const digest of digests) assert.equal(await blob(digest), null);
  });

  test("it ends when it is aborted", async () => {
    await using fixture = await storage();
    const { layout, catalog } = fixture;
    await plant(layout, "one");
    const ending = new AbortController();
    ending.abort();

    await assert.rejects(scanOf(layout, catalog).run(ending.signal), {
      name: "AbortError",
    });
  });
});

/** Root may read everything; without these capabilities it asks the permission bits like everybody. */
async function scanAsPeople(directory: string): Promise<ScanCounts> {
  const program = fileURLToPath(new URL("./programs/scan-store.ts", import.meta.url));
  const command = [process.execPath, program, directory];
  const limits = ["--bounding-set=-dac_override,-dac_read_search"];
  const isRoot = process.getuid?.() === 0;
  const [first = "", ...rest] = isRoot ? [programPath("setpriv"), ...limits, ...command] : command;
  return JSON.parse(await mustRun(first, rest));
}
