import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { suite, test } from "node:test";
import { Worker } from "node:worker_threads";
import Database from "better-sqlite3";
import { keyOf } from "../../src/storage/catalog/digest-key.ts";
import { prepareCatalogFile } from "../../src/storage/catalog/file/catalog-file.ts";
import { migrate } from "../../src/storage/catalog/file/migrations.ts";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import { KeptWriter } from "../../src/storage/catalog/writing/kept-writer.ts";
import { WriteQueue } from "../../src/storage/catalog/writing/write-queue.ts";
import { codeOf, StorageError } from "../../src/storage/storage-error.ts";
import { catalogImagesSuite } from "../support/catalog-images-suite.ts";
import {
  blobRecord,
  type CatalogFixture,
  catalogSuite,
  forgetContent,
  locationOf,
  tagOf,
} from "../support/catalog-suite.ts";
import { catalogTrafficSuite } from "../support/catalog-traffic-suite.ts";
import { Child } from "./child.ts";
import { openFilesBelow, type StorageDirectory, storageDirectory } from "./storage-directory.ts";

const alpine = locationOf("docker.io", "library/alpine");

interface SqliteFixture extends CatalogFixture, StorageDirectory {
  readonly catalog: SqliteCatalog;
}

async function sqliteCatalog(): Promise<SqliteFixture> {
  await using stack = new AsyncDisposableStack();
  const { layout } = stack.use(await storageDirectory());
  const catalog = stack.use(await SqliteCatalog.open(layout));
  const owned = stack.move();
  return { layout, catalog, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** A catalog whose writer's thread the test holds in its hand. */
async function catalogWithWorker(): Promise<SqliteFixture & { readonly worker: Worker }> {
  await using stack = new AsyncDisposableStack();
  const { layout } = stack.use(await storageDirectory());
  const origin = prepareCatalogFile(layout, 0);
  const workers: Worker[] = [];
  const writer = await KeptWriter.start(() => {
    const worker = new Worker(
      new URL("../../src/storage/catalog/writing/catalog-writer.ts", import.meta.url),
      {
        workerData: layout.catalogFile,
      },
    );
    workers.push(worker);
    return worker;
  });
  const catalog = stack.use(new SqliteCatalog({ layout, writer, origin }));
  const [worker] = workers;
  assert.ok(worker);
  const owned = stack.move();
  return { layout, catalog, worker, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

catalogSuite("SqliteCatalog", sqliteCatalog);
catalogImagesSuite("SqliteCatalog", sqliteCatalog);
catalogTrafficSuite("SqliteCatalog", sqliteCatalog);

suite("the catalog's file", () => {
  test("what was recorded is there after a restart, in one private file", async () => {
    await using directory = await storageDirectory();
    const { layout } = directory;
    const blob = blobRecord("layer");
    {
      await using catalog = await SqliteCatalog.open(layout);
      await catalog.recordBlob(alpine, blob, 1);
      for (const suffix of ["", "-wal", "-shm"]) {
        assert.equal((await stat(layout.catalogFile + suffix)).mode & 0o777, 0o600);
      }
    }
    assert.deepEqual(await readdir(layout.directory), ["blobs", "catalog.db", "ingest", "trash"]);

    await using catalog = await SqliteCatalog.open(layout);

    assert.deepEqual(await catalog.blob(blob.digest), blob);
    assert.partialDeepStrictEqual(await catalog.usage(), { blobs: 1, bytes: blob.sizeBytes });
    assert.equal(catalog.origin.setAside, null);
  });

  test("writes that were not awaited are made before the catalog closes", async () => {
    await using directory = await storageDirectory();
    const { layout } = directory;
    let writes: Promise<void>[];
    {
      await using catalog = await SqliteCatalog.open(layout);
      writes = Array.from({ length: 1000 }, (_, index) =>
        catalog.recordBlob(alpine, blobRecord(`${index}`, 1), 1),
      );
    }

    await Promise.all(writes);

    await using catalog = await SqliteCatalog.open(layout);
    assert.partialDeepStrictEqual(await catalog.usage(), { blobs: 1000, bytes: 1000 });
  });

  test("a mode that lets others read is corrected", async () => {
    await using directory = await storageDirectory();
    await writeFile(directory.layout.catalogFile, "");
    await chmod(directory.layout.catalogFile, 0o644);

    await using _catalog = await SqliteCatalog.open(directory.layout);

    assert.equal((await stat(directory.layout.catalogFile)).mode & 0o777, 0o600);
  });

  for (const suffix of ["", "-wal"]) {
    test(`a symbolic link in the place of catalog.db${suffix} is refused`, async () => {
      await using directory = await storageDirectory();
      const outside = `${directory.layout.directory}/outside`;
      await writeFile(outside, "precious");
      await symlink(outside, directory.layout.catalogFile + suffix);

      await assert.rejects(
        SqliteCatalog.open(directory.layout),
        (error) => error instanceof StorageError && error.message.includes("is no regular file"),
      );
      assert.equal(await readFile(outside, "utf8"), "precious");
    });
  }

  test("a catalog of a newer sluice is refused and left alone", async () => {
    await using directory = await storageDirectory();
    const path = directory.layout.catalogFile;
    const database = new Database(path);
    database.pragma("user_version = 99");
    database.close();
    const before = await readFile(path);

    await assert.rejects(SqliteCatalog.open(directory.layout), {
      name: "StorageError",
      message:
        /^\S+ has schema 99, but this sluice knows schemas up to \d+\. Run the newer sluice again, or move catalog\.db away: a backup that this sluice can read takes its place, or an empty one$/,
    });

    assert.deepEqual(await readFile(path), before);
    assert.deepEqual(await openFilesBelow(directory.layout.directory), []);
  });

  test("a catalog of an older schema is brought to the present one with all that it knew", async () => {
    await using directory = await storageDirectory();
    const { digest } = blobRecord("manifest");
    const database = new Database(directory.layout.catalogFile);
    migrate(database, 1);
    database.exec("INSERT INTO repositories VALUES (1, 'docker.io', 'library/alpine')");
    database.prepare("INSERT INTO tags VALUES (1, 'latest', ?, 7)").run(keyOf(digest));
    database.close();

    await using catalog = await SqliteCatalog.open(directory.layout);

    assert.deepEqual(await catalog.tag(alpine, tagOf("latest"), ""), { digest, checkedAtMs: 7 });
    assert.equal(await catalog.publicAtMs(alpine), null);
  });

  test("what an older schema knew of images goes in the same order, their children with them", async () => {
    await using directory = await storageDirectory();
    const database = new Database(directory.layout.catalogFile);
    migrate(database, 4);
    for (const [at, name] of ["child", "index"].entries()) {
      const key = keyOf(blobRecord(name).digest);
      database
        .prepare("INSERT INTO blobs (digest, size_bytes, identity) VALUES (?, 1, '')")
        .run(key);
      database.prepare("INSERT INTO manifests VALUES (?, ?, 'a type', NULL)").run(at, key);
      database.prepare("UPDATE accesses SET priority = ? WHERE digest = ?").run(at, key);
    }
    database
      .prepare("INSERT INTO manifest_references VALUES (1, ?)")
      .run(keyOf(blobRecord("child").digest));
    database.close();

    await using catalog = await SqliteCatalog.open(directory.layout);
    assert.equal(await catalog.lowestPriority(), 1);
    await forgetContent(catalog, blobRecord("index").digest);

    assert.equal(await catalog.lowestPriority(), 0, "it is a root now");
  });

  test("a migration that fails leaves the catalog as it was", async () => {
    await using directory = await storageDirectory();
    const database = new Database(directory.layout.catalogFile);
    database.exec("CREATE TABLE totals (in_the_way)");
    database.close();

    await assert.rejects(
      SqliteCatalog.open(directory.layout),
      (error) => error instanceof StorageError && codeOf(error.cause) === "SQLITE_ERROR",
    );

    const after = new Database(directory.layout.catalogFile);
    assert.deepEqual(after.prepare("SELECT name FROM sqlite_schema").pluck().all(), ["totals"]);
    assert.equal(after.pragma("user_version", { simple: true }), 0);
    after.close();
  });
});

suite("the catalog's writer", () => {
  test("writes that wait together become few transactions of about 200 rows", async () => {
    await using fixture = await catalogWithWorker();
    const batches: number[] = [];
    fixture.worker.on("message", (message) => batches.push(message.failures.length));

    const writes = Array.from({ length: 1001 }, (_, index) =>
      fixture.catalog.recordTag(alpine, tagOf(`t${index}`), "", {
        digest: blobRecord("manifest").digest,
        checkedAtMs: index,
      }),
    );
    await Promise.all(writes);

    // The first finds the writer idle and does not wait for company.
    assert.deepEqual(batches, [1, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100]);
  });

  test("a write that fails keeps SQLite's code, and its neighbours are made", async () => {
    await using fixture = await catalogWithWorker();
    const busy = fixture.catalog.recordBlob(alpine, blobRecord("first"), 1);
    const before = fixture.catalog.recordBlob(alpine, blobRecord("before"), 1);
    const bad = fixture.catalog.recordBlob(alpine, blobRecord("bad", 1.5), 1);
    const after = fixture.catalog.recordBlob(alpine, blobRecord("after"), 1);

    await assert.rejects(bad, (error) => {
      assert.ok(error instanceof StorageError && error.cause instanceof Database.SqliteError);
      assert.equal(error.cause.code, "SQLITE_CONSTRAINT_DATATYPE");
      assert.match(error.message, /^the catalog could not record blob: /);
      return true;
    });
    await Promise.all([busy, before, after]);
    assert.equal((await fixture.catalog.usage()).blobs, 3);
    const round = { beganAtMs: 1.5, checkedTo: null, isOver: false };
    await assert.rejects(fixture.catalog.recordScrubRound(round), {
      message: /^the catalog could not record scrub round: /,
    });
  });

  test("when its thread dies every write is refused, and reads go on", async () => {
    await using fixture = await catalogWithWorker();
    const { catalog, worker } = fixture;
    const blob = blobRecord("layer");
    await catalog.recordBlob(alpine, blob, 1);
    const pending = Array.from({ length: 3000 }, (_, index) =>
      catalog.recordGrant(alpine, blob.digest, index),
    );
    const outcomes = Promise.allSettled(pending);

    await worker.terminate();

    const rejected = (await outcomes).filter((outcome) => outcome.status === "rejected");
    assert.ok(rejected.length > 0);
    assert.ok(rejected.every(({ reason }) => isStopped(reason)));
    await assert.rejects(catalog.forgetLost(blob), isStopped);
    assert.deepEqual(await catalog.blob(blob.digest), blob);
  });

  test("a thread that cannot open the catalog fails the start with the reason", async () => {
    await using directory = await storageDirectory();
    const worker = new Worker(
      new URL("../../src/storage/catalog/writing/catalog-writer.ts", import.meta.url),
      {
        workerData: directory.layout.catalogFile,
      },
    );

    await assert.rejects(
      WriteQueue.start(worker),
      (error) => error instanceof StorageError && /unable to open/.test(String(error.cause)),
    );
  });

  test("writes after the end are refused", async () => {
    await using fixture = await sqliteCatalog();
    await fixture.catalog[Symbol.asyncDispose]();

    await assert.rejects(fixture.catalog.forgetLost(blobRecord("x")), {
      name: "StorageError",
      message: "the catalog is closed",
    });
  });

  test("beyond 20,000 waiting rows a write is refused, and what waits is made", async () => {
    await using fixture = await catalogWithWorker();
    const { digest } = blobRecord("layer");
    const references = Array.from({ length: 20_000 }, (_, index) => blobRecord(`${index}`).digest);
    const manifest = { blob: blobRecord("manifest"), mediaType: "m", references, subject: null };

    const first = fixture.catalog.recordGrant(alpine, digest, 1);
    const waiting = fixture.catalog.recordManifest(alpine, manifest, 1);
    const refused = fixture.catalog.recordGrant(alpine, digest, 2);

    await assert.rejects(refused, /20000 rows behind/);
    await Promise.all([first, waiting]);
    await fixture.catalog.recordGrant(alpine, digest, 3);
    assert.equal(await fixture.catalog.grantedAtMs(alpine, digest), 3);
  });

  test("a reader of an old snapshot holds up no write, and the log is emptied at the end", async () => {
    await using directory = await storageDirectory();
    const { layout } = directory;
    {
      await using catalog = await SqliteCatalog.open(layout);
      const foreign = new Database(layout.catalogFile, { readonly: true });
      foreign.exec("BEGIN");
      foreign.prepare("SELECT blobs FROM totals").get();
      const writes = Array.from({ length: 5000 }, (_, index) =>
        catalog.recordBlob(alpine, blobRecord(`${index}`, 1), 1),
      );
      await Promise.all(writes);
      assert.partialDeepStrictEqual(await catalog.usage(), { blobs: 5000, bytes: 5000 });
      assert.deepEqual(foreign.prepare("SELECT blobs FROM totals").pluck().get(), 0);
      foreign.close();
    }

    assert.deepEqual(
      (await readdir(layout.directory)).filter((name) => name.startsWith("catalog")),
      ["catalog.db"],
    );
  });

  test("another process that reads an old snapshot lets the log grow no longer than it lives", async () => {
    await using fixture = await sqliteCatalog();
    const { catalog, layout } = fixture;
    const logBytes = async (): Promise<number> => (await stat(`${layout.catalogFile}-wal`)).size;
    const record = async (from: number): Promise<void> => {
      const writes = Array.from({ length: 5000 }, (_, index) =>
        catalog.recordBlob(alpine, blobRecord(`${from + index}`, 1), 1),
      );
      await Promise.all(writes);
    };
    let grownBytes: number;
    {
      await using _reader = await Child.start("hold-snapshot", layout.directory);
      await record(0);
      const halfBytes = await logBytes();
      await record(5000);
      grownBytes = await logBytes();
      assert.ok(grownBytes > 1.5 * halfBytes, "it grows while it is read");
    }

    for (let round = 2; round < 6; round++) await record(round * 5000);

    assert.ok((await logBytes()) < 1.5 * grownBytes);
    assert.partialDeepStrictEqual(await catalog.usage(), { blobs: 30_000, bytes: 30_000 });
  });

  test("the thread and every open file end with the catalog", async () => {
    const fixture = await catalogWithWorker();
    const exit = once(fixture.worker, "exit");

    await fixture[Symbol.asyncDispose]();

    assert.deepEqual(await exit, [0]);
    assert.deepEqual(await openFilesBelow(fixture.layout.directory), []);
  });
});

function isStopped(error: unknown): boolean {
  return error instanceof StorageError && error.message.startsWith("the catalog's writer has died");
}
