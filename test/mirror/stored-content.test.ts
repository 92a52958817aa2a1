import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import pino from "pino";
import { Rooms } from "../../src/mirror/eviction/rooms.ts";
import { StoredContent } from "../../src/mirror/stored-content.ts";
import type { Digest } from "../../src/oci/digest.ts";
import type { BlobStore, StoredBlob } from "../../src/storage/blob-store.ts";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import { adoptedIdentity } from "../../src/storage/catalog.ts";
import { DigestLocks } from "../../src/storage/digest-locks.ts";
import { DiskBlobStore } from "../../src/storage/disk/disk-blob-store.ts";
import { blobFile, type Layout } from "../../src/storage/layout.ts";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { storageDirectory } from "../storage/storage-directory.ts";
import { ampleBudget } from "../support/ample-budget.ts";
import { forgetContent, locationOf } from "../support/catalog-suite.ts";
import { noiseBlob, type TestBlob } from "../support/images.ts";

// A reader looks at the row, then at the file; these are what can happen between.

test("content that was lost and is stored anew while a reader looks keeps its row and its file", async () => {
  await using scene = await startScene();
  await scene.storeAnew();
  await scene.store.remove(blob.digest);
  scene.onceOpened = () => scene.storeAnew();

  assert.equal(await scene.stored.openBlob(blob.digest), null);

  await scene.assertStored();
});

test("content that was changed and is stored anew while a reader hashes it keeps its row and its file", async () => {
  await using scene = await startScene();
  await scene.storeAnew();
  await writeFile(blobFile(scene.layout, blob.digest), "changed");
  scene.onceOpened = () => scene.storeAnew();

  assert.equal(await scene.stored.openBlob(blob.digest), null);

  await scene.assertStored();
});

test("content that is evicted while a reader looks is a miss, and no error", async () => {
  await using scene = await startScene();
  await scene.storeAnew();
  await scene.store.remove(blob.digest);
  scene.onceOpened = () => forgetContent(scene.catalog, blob.digest);

  assert.equal(await scene.stored.openBlob(blob.digest), null);

  assert.deepEqual(scene.lines, []);
});

test("a small blob is read once, and its bytes are what the digest says at any position", async () => {
  await using scene = await startScene();
  await scene.storeAnew();
  assert.equal(scene.stored.blobInMemory(blob.digest), undefined);
  await scene.stored.openBlob(blob.digest);
  await scene.store.remove(blob.digest);

  await using found = await scene.stored.openBlob(blob.digest);

  assert.ok(scene.stored.blobInMemory(blob.digest)?.equals(blob.bytes));
  assert.equal(found?.sizeBytes, 10_000);
  const target = Buffer.alloc(4_000);
  assert.equal(await found.read(target, 1_000), 4_000);
  assert.ok(target.equals(blob.bytes.subarray(1_000, 5_000)));
  assert.equal(await found.read(target, 9_999), 1);
  assert.equal(await found.read(target, 10_000), 0);
  assert.equal(await found.read(target, 20_000), 0);
});

test("a small blob that is forgotten is not in memory any more", async () => {
  await using scene = await startScene();
  await scene.storeAnew();
  await scene.stored.openBlob(blob.digest);
  await scene.store.remove(blob.digest);
  await forgetContent(scene.catalog, blob.digest);

  scene.stored.dropFromMemory(blob.digest);

  assert.equal(scene.stored.blobInMemory(blob.digest), undefined);
  assert.equal(await scene.stored.openBlob(blob.digest), null);
});

test("a small blob that is evicted while a reader looks is not kept in memory", async () => {
  await using scene = await startScene();
  await scene.storeAnew();
  scene.onceOpened = async () => {
    await forgetContent(scene.catalog, blob.digest);
    scene.stored.dropFromMemory(blob.digest);
  };

  await using found = await scene.stored.openBlob(blob.digest);

  assert.equal(found?.sizeBytes, 10_000);
  assert.equal(scene.stored.blobInMemory(blob.digest), undefined);
});

test("a small blob whose bytes are wrong, although nobody touched it, is not served", async () => {
  await using scene = await startScene();
  await scene.storeAnew();
  await writeFile(blobFile(scene.layout, blob.digest), Buffer.alloc(10_000, "wrong"));
  {
    await using rotten = await scene.store.open(blob.digest);
    await scene.catalog.recordIdentity(blob.digest, rotten?.identity ?? "");
  }

  assert.equal(await scene.stored.openBlob(blob.digest), null);

  assert.equal(await scene.catalog.blob(blob.digest), null);
  assert.equal(await scene.store.open(blob.digest), null);
});

test("of a blob that is not small nothing stays in memory", async () => {
  await using scene = await startScene();
  const large = noiseBlob("large", 65_537);
  await scene.storeAnew(large);

  await using found = await scene.stored.openBlob(large.digest);

  assert.equal(found?.sizeBytes, 65_537);
  assert.equal(scene.stored.blobInMemory(large.digest), undefined);
});

test("content that the disk does not give is forgotten with the first reader that meets it", async () => {
  await using scene = await startScene();
  await scene.storeAnew(medium);
  await using found = await scene.stored.openBlob(medium.digest);
  const broken = Object.assign(new Error("EIO: i/o error, read"), { code: "EIO", syscall: "read" });
  scene.onRead = () => Promise.reject(broken);

  await assert.rejects(async () => await found?.read(Buffer.alloc(10), 0), { code: "EIO" });

  assert.equal(await scene.catalog.blob(medium.digest), null);
  assert.equal(await scene.store.open(medium.digest), null);
});

// Whatever went wrong was taken for damage: a mistake of ours would have thrown away what is good.
test("a reader that reads on after it was closed takes nothing from the store", async () => {
  await using scene = await startScene();
  await scene.storeAnew(medium);
  const found = await scene.stored.openBlob(medium.digest);
  await found?.[Symbol.asyncDispose]();

  await assert.rejects(async () => await found?.read(Buffer.alloc(10), 0), /after it was closed/);

  await using other = await scene.stored.openBlob(medium.digest);
  assert.equal(await other?.read(Buffer.alloc(10), 0), 10);
  assert.deepEqual(scene.lines, []);
});

// Every node that asked for the same layer after a restored backup had the mirror hash all of it once more.
test("adopted content is hashed once for all who open it meanwhile", async () => {
  await using scene = await startScene();
  await scene.adopt(medium);
  const opened = Promise.withResolvers<void>();
  const hashed: number[] = [];
  scene.onRead = async ({ positionBytes }) => {
    hashed.push(positionBytes);
    await opened.promise;
  };
  scene.onOpened = (count) => count === 5 && opened.resolve();

  const readers = Array.from({ length: 5 }, () => scene.stored.openBlob(medium.digest));
  const found = await Promise.all(readers);

  await using _found = new AsyncDisposableStack();
  for (const one of found) assert.equal(_found.use(one)?.sizeBytes, medium.bytes.length);
  assert.deepEqual(hashed, [0, medium.bytes.length]);
});

test("adopted content that is not its digest is none for all who open it meanwhile, and is removed once", async () => {
  await using scene = await startScene();
  await scene.adopt(medium);
  await writeFile(blobFile(scene.layout, medium.digest), "changed");

  const readers = Array.from({ length: 5 }, () => scene.stored.openBlob(medium.digest));

  assert.deepEqual(await Promise.all(readers), [null, null, null, null, null]);
  assert.equal(scene.lines.length, 1);
  assert.equal(await scene.catalog.blob(medium.digest), null);
});

test("two adopted blobs are hashed at a time, and one that takes a single read waits for none", async () => {
  await using scene = await startScene();
  const large = ["one", "two", "three"].map((seed) => noiseBlob(seed, 1024 * 1024 + 1));
  for (const one of [...large, medium]) await scene.adopt(one);
  const [opened, two, released] = [1, 2, 3].map(() => Promise.withResolvers<void>());
  const hashing = new Set<Digest>();
  scene.onOpened = (count) => count === 3 && opened?.resolve();
  scene.onRead = async ({ digest }) => {
    if (digest === medium.digest) return;
    hashing.add(digest);
    if (hashing.size === 2) two?.resolve();
    await released?.promise;
  };
  await using found = new AsyncDisposableStack();

  const readers = large.map(({ digest }) => scene.stored.openBlob(digest));
  await Promise.all([opened?.promise, two?.promise]);
  assert.ok(found.use(await scene.stored.openBlob(medium.digest)));

  assert.equal(hashing.size, 2);
  released?.resolve();
  for (const one of await Promise.all(readers)) assert.ok(found.use(one));
});

const blob = noiseBlob("content", 10_000);
// More than what is read into memory.
const medium = noiseBlob("medium", 100_000);
const here = locationOf("docker.io", "library/alpine");

interface Read {
  readonly digest: Digest;
  readonly positionBytes: number;
}

class Scene implements AsyncDisposable {
  readonly layout: Layout;
  readonly store: DiskBlobStore;
  readonly catalog: SqliteCatalog;
  readonly stored: StoredContent;
  readonly lines: string[] = [];
  /** Happens once between a reader's look at the row and what it makes of the file. */
  onceOpened: (() => Promise<void>) | null = null;
  /** Is told how many times content was opened until now. */
  onOpened: (count: number) => void = () => {};
  /** Happens before each read of a file. */
  onRead: (read: Read) => Promise<void> = async () => {};
  #opened = 0;
  readonly #resources: AsyncDisposableStack;
  readonly #locks = new DigestLocks();

  constructor(
    layout: Layout,
    store: DiskBlobStore,
    catalog: SqliteCatalog,
    resources: AsyncDisposableStack,
  ) {
    this.layout = layout;
    this.store = store;
    this.catalog = catalog;
    this.#resources = resources;
    const budget = ampleBudget(layout, catalog);
    this.stored = new StoredContent({
      store: this.#interrupted(store),
      catalog,
      rooms: new Rooms(budget, null, () => false),
      locks: this.#locks,
      metrics: new Metrics("0.0.0-test"),
      log: pino({}, { write: (line: string) => this.lines.push(line) }),
      now: () => 1,
    });
  }

  /** As a fill does. */
  async storeAnew({ digest, bytes }: TestBlob = blob): Promise<void> {
    using _lock = await this.#locks.hold(digest);
    await using ingest = await this.store.ingest(digest);
    await ingest.append([bytes]);
    await ingest.verify();
    const identity = await ingest.commit();
    const record = { digest, sizeBytes: bytes.length, identity };
    await this.catalog.recordBlob(here, record, 1);
  }

  /** As a scan does that finds its file without a row. */
  async adopt(content: TestBlob): Promise<void> {
    await this.storeAnew(content);
    await this.catalog.recordIdentity(content.digest, adoptedIdentity);
  }

  async assertStored(): Promise<void> {
    await using found = await this.store.open(blob.digest);
    assert.ok(found, "its file is there");
    assert.equal((await this.catalog.blob(blob.digest))?.identity, found.identity);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #interrupted(store: DiskBlobStore): BlobStore {
    return {
      open: async (digest): Promise<StoredBlob | null> => {
        const found = await store.open(digest);
        const meanwhile = this.onceOpened;
        this.onceOpened = null;
        await meanwhile?.();
        this.onOpened(++this.#opened);
        return found && this.#observed(digest, found);
      },
      ingest: (digest) => store.ingest(digest),
      remove: (digest) => store.remove(digest),
      quarantine: (digest) => store.quarantine(digest),
      sweep: () => store.sweep(),
    };
  }

  #observed(digest: Digest, found: StoredBlob): StoredBlob {
    return {
      sizeBytes: found.sizeBytes,
      identity: found.identity,
      read: async (target, positionBytes) => {
        await this.onRead({ digest, positionBytes });
        return await found.read(target, positionBytes);
      },
      [Symbol.asyncDispose]: () => found[Symbol.asyncDispose](),
    };
  }
}

async function startScene(): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const { layout } = resources.use(await storageDirectory());
  const store = await DiskBlobStore.open(layout);
  const catalog = resources.use(await SqliteCatalog.open(layout));
  return new Scene(layout, store, catalog, resources.move());
}
