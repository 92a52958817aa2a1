import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { test } from "node:test";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import { blobRecord, locationOf } from "../support/catalog-suite.ts";
import { eventually } from "../support/eventually.ts";
import { Child } from "./child.ts";
import { storageDirectory } from "./storage-directory.ts";

const alpine = locationOf("docker.io", "library/alpine");
const mib = 1024 ** 2;

test("while another process reads an old state the catalog's log is told to be long, and it is emptied when that one has gone", async () => {
  await using directory = await storageDirectory();
  const { layout } = directory;
  await using catalog = await SqliteCatalog.open(layout);
  const reader = await Child.start("hold-snapshot", layout.directory);

  const rows = await writeUntilLong(catalog);

  const longBytes = await logBytes(layout.catalogFile);
  assert.ok(longBytes > 32 * mib && longBytes < 48 * mib, `${longBytes}`);
  await catalog.recordBlob(alpine, blobRecord("while it is long"), 1);
  assert.equal(catalog.isLogLong, true);
  assert.equal(catalog.isLogFull, false);
  let more = 0;
  while (!catalog.isLogFull) more += await writeSome(catalog, `more ${more}`);
  assert.ok((await logBytes(layout.catalogFile)) < 56 * mib);

  await reader[Symbol.asyncDispose]();

  // Nothing is written: it does not take a write to notice.
  await eventually("the log is short", () => !catalog.isLogLong);
  assert.equal(await logBytes(layout.catalogFile), 0);
  assert.equal(catalog.isLogFull, false);
  assert.equal((await catalog.usage()).blobs, rows + 1 + more);
});

test("the catalog's log does not become long while nobody else reads", async () => {
  await using directory = await storageDirectory();
  const { layout } = directory;
  await using catalog = await SqliteCatalog.open(layout);

  for (let at = 0; at < 10; at++) await writeSome(catalog, `${at}`);

  assert.equal(catalog.isLogLong, false);
  assert.ok((await logBytes(layout.catalogFile)) < 8 * mib);
});

test("while another process writes to the catalog, reads go on, and writes wait for it and are made", async () => {
  await using directory = await storageDirectory();
  const { layout } = directory;
  await using catalog = await SqliteCatalog.open(layout);
  const known = blobRecord("known");
  await catalog.recordBlob(alpine, known, 1);
  const foreign = await Child.start("hold-write", layout.directory);

  let made = 0;
  const writes = Array.from({ length: 500 }, async (_, at) => {
    await catalog.recordBlob(alpine, blobRecord(`${at}`, 1), 1);
    made++;
  });
  assert.deepEqual(await catalog.blob(known.digest), known);
  assert.equal(made, 0);
  await foreign[Symbol.asyncDispose]();
  await Promise.all(writes);

  assert.equal((await catalog.usage()).blobs, 501);
});

/** Resolves to how many blobs were recorded. */
async function writeUntilLong(catalog: SqliteCatalog): Promise<number> {
  let blobs = 0;
  while (!catalog.isLogLong) blobs += await writeSome(catalog, `${blobs}`);
  return blobs;
}

// Each in a transaction of its own, which takes some pages.
async function writeSome(catalog: SqliteCatalog, seed: string): Promise<number> {
  const blobs = 100;
  for (let at = 0; at < blobs; at++) {
    await catalog.recordBlob(alpine, blobRecord(`${seed} ${at}`), 1);
  }
  return blobs;
}

async function logBytes(catalogFile: string): Promise<number> {
  return (await stat(`${catalogFile}-wal`)).size;
}
