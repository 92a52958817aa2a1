import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Worker } from "node:worker_threads";
import { prepareCatalogFile } from "../../src/storage/catalog/file/catalog-file.ts";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import { KeptWriter } from "../../src/storage/catalog/writing/kept-writer.ts";
import { StorageError } from "../../src/storage/storage-error.ts";
import { blobRecord, locationOf } from "../support/catalog-suite.ts";
import { eventually } from "../support/eventually.ts";
import { type StorageDirectory, storageDirectory } from "./storage-directory.ts";

const alpine = locationOf("docker.io", "library/alpine");
const writerFile = new URL("../../src/storage/catalog/writing/catalog-writer.ts", import.meta.url);

interface Fixture extends StorageDirectory {
  readonly catalog: SqliteCatalog;
  /** The threads that were started, the last one last. */
  readonly threads: readonly Worker[];
  /** Threads that are started from now on cannot open the catalog. */
  breakStarts(): void;
}

async function catalogOfKeptWriter(pausesMs: readonly number[]): Promise<Fixture> {
  await using stack = new AsyncDisposableStack();
  const { layout } = stack.use(await storageDirectory());
  const origin = prepareCatalogFile(layout, 0);
  const threads: Worker[] = [];
  let path = layout.catalogFile;
  const writer = await KeptWriter.start(() => {
    const thread = new Worker(writerFile, { workerData: path });
    threads.push(thread);
    return thread;
  }, pausesMs);
  const catalog = stack.use(new SqliteCatalog({ layout, writer, origin }));
  const owned = stack.move();
  return {
    layout,
    catalog,
    threads,
    breakStarts: () => {
      path = `${layout.directory}/nowhere/catalog.db`;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

suite("the catalog's writer that dies", () => {
  test("is started again; until then it is told, writes are refused and reads go on", async () => {
    await using fixture = await catalogOfKeptWriter([50]);
    const { catalog, threads } = fixture;
    const blob = blobRecord("layer");
    await catalog.recordBlob(alpine, blob, 1);

    await threads.at(-1)?.terminate();

    await assert.rejects(catalog.check(), isDead);
    await assert.rejects(catalog.recordGrant(alpine, blob.digest, 2), isDead);
    assert.deepEqual(await catalog.blob(blob.digest), blob);
    await eventually("it writes again", () =>
      catalog.recordGrant(alpine, blob.digest, 3).then(
        () => true,
        () => false,
      ),
    );
    await catalog.check();
    assert.equal(await catalog.grantedAtMs(alpine, blob.digest), 3);
    assert.equal(threads.length, 2);
  });

  test("is not started for ever where it cannot live", async () => {
    await using fixture = await catalogOfKeptWriter([0, 0, 0]);
    const { catalog, threads } = fixture;
    fixture.breakStarts();

    await threads.at(-1)?.terminate();

    await eventually("three attempts were made", () => threads.length === 4);
    await eventually("the last thread ended", () => threads.at(-1)?.threadId === -1);
    await eventually("it is told", () => catalog.check().then(() => false, isGivenUp));
    await assert.rejects(catalog.recordGrant(alpine, blobRecord("layer").digest, 2), isGivenUp);
    assert.equal(threads.length, 4);
  });

  // Who looked why nothing was recorded saw why the first thread had ended, and not what keeps the next from starting.
  test("is told with what keeps it from being started again, as long as that is tried", async () => {
    await using fixture = await catalogOfKeptWriter([0, 3_600_000]);
    const { catalog, threads } = fixture;
    fixture.breakStarts();

    await threads.at(-1)?.terminate();

    await eventually("an attempt was made", () =>
      catalog.check().then(
        () => false,
        (error: unknown) => isDead(error) && isAboutStart(error.cause),
      ),
    );
  });

  test("is not waited for when the catalog is closed meanwhile", async () => {
    const fixture = await catalogOfKeptWriter([3_600_000]);
    await fixture.threads.at(-1)?.terminate();

    await fixture[Symbol.asyncDispose]();

    assert.equal(fixture.threads.length, 1);
  });
});

function isDead(error: unknown): error is StorageError {
  return (
    error instanceof StorageError &&
    error.message.startsWith("the catalog's writer has died, so nothing new is recorded. It is")
  );
}

function isGivenUp(error: unknown): boolean {
  return (
    error instanceof StorageError &&
    error.message.includes("could not be started again") &&
    isAboutStart(error.cause)
  );
}

/** What better-sqlite3 says of a directory that is not there. */
function isAboutStart(cause: unknown): boolean {
  return cause instanceof Error && cause.message.includes("directory does not exist");
}
