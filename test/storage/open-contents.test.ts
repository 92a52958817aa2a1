import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import type { Ingest } from "../../src/storage/blob-store.ts";
import type { DiskBlobStore } from "../../src/storage/disk/disk-blob-store.ts";
import { storeDirectory } from "./storage-directory.ts";

const bytes = Buffer.alloc(10_000, "content");
const digest = digestOf(bytes);
const allocatedBytes = 12_288;

test("removed content counts until its last reader has left", async () => {
  await using directory = await storeDirectory();
  const { store } = directory;
  await using ingest = await committed(store);
  await ingest[Symbol.asyncDispose]();
  await using first = await store.open(digest);
  await using second = await store.open(digest);

  await store.remove(digest);

  assert.equal(store.removedBytes, allocatedBytes);
  await first?.[Symbol.asyncDispose]();
  assert.equal(store.removedBytes, allocatedBytes);
  await second?.[Symbol.asyncDispose]();
  assert.equal(store.removedBytes, 0);
});

test("removed content counts while a reader follows the fill that brought it", async () => {
  await using directory = await storeDirectory();
  const { store } = directory;
  await using ingest = await committed(store);

  await store.remove(digest);

  assert.equal(store.removedBytes, allocatedBytes);
  await ingest[Symbol.asyncDispose]();
  assert.equal(store.removedBytes, 0);
});

test("content that was replaced counts while it is read", async () => {
  await using directory = await storeDirectory();
  const { store } = directory;
  await using first = await committed(store);

  await using second = await committed(store);

  assert.equal(store.removedBytes, allocatedBytes);
  await first[Symbol.asyncDispose]();
  assert.equal(store.removedBytes, 0);
  await store.remove(digest);
  assert.equal(store.removedBytes, allocatedBytes);
  await second[Symbol.asyncDispose]();
  assert.equal(store.removedBytes, 0);
});

test("removed content that nobody reads counts no more", async () => {
  await using directory = await storeDirectory();
  const { store } = directory;
  await using ingest = await committed(store);
  await ingest[Symbol.asyncDispose]();

  await store.remove(digest);

  assert.equal(store.removedBytes, 0);
});

async function committed(store: DiskBlobStore): Promise<Ingest> {
  await using stack = new AsyncDisposableStack();
  const ingest = stack.use(await store.ingest(digest));
  await ingest.append([bytes]);
  await ingest.verify();
  await ingest.commit();
  stack.move();
  return ingest;
}
