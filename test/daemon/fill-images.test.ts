import assert from "node:assert/strict";
import { rename } from "node:fs/promises";
import { test } from "node:test";
import Database from "better-sqlite3";
import { openFillImages } from "../../src/admin/fill-images.ts";
import type { RunningFill } from "../../src/mirror/fills/running-fill.ts";
import { digestOf } from "../../src/oci/digest.ts";
import type { Repository } from "../../src/oci/repository.ts";
import { migrate } from "../../src/storage/catalog/file/migrations.ts";
import { CatalogThreads } from "../../src/storage/catalog/reading/catalog-threads.ts";
import { StorageError } from "../../src/storage/storage-error.ts";
import { storageDirectory } from "../storage/storage-directory.ts";

test("which image a fill is for is asked again after the catalog could not say", async () => {
  // The failure was remembered for ten seconds: so long the page was told nothing at all.
  await using directory = await storageDirectory();
  const path = directory.layout.catalogFile;
  const database = new Database(path);
  migrate(database);
  database.close();
  await using threads = new CatalogThreads(path);
  const images = openFillImages(threads);
  await rename(path, `${path}.away`);

  await assert.rejects(images(fill), StorageError);
  await rename(`${path}.away`, path);

  assert.equal(await images(fill), null);
});

const fill: RunningFill = {
  upstream: "docker.io",
  repository: "library/app" as Repository,
  digest: digestOf(Buffer.from("a layer")),
  state: "streaming",
  doneBytes: 0,
  totalBytes: null,
  readers: 1,
};
