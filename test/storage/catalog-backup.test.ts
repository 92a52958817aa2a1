import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { suite, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import Database from "better-sqlite3";
import { backUpCatalog } from "../../src/storage/catalog/file/catalog-backup.ts";
import { RegularBackups } from "../../src/storage/catalog/regular-backups.ts";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import type { Layout } from "../../src/storage/layout.ts";
import { blobRecord, locationOf } from "../support/catalog-suite.ts";
import { openFilesBelow, storageDirectory } from "./storage-directory.ts";

const alpine = locationOf("docker.io", "library/alpine");
const { signal } = new AbortController();

suite("the backup of the catalog", () => {
  test("two generations are kept, each a private file that is a catalog by itself", async () => {
    await using directory = await storageDirectory();
    const { layout } = directory;
    await using catalog = await SqliteCatalog.open(layout);
    assert.equal(await catalog.backedUpAtMs(), null);

    for (const text of ["a", "b", "c"]) {
      await catalog.recordBlob(alpine, blobRecord(text), 1);
      await catalog.backUp(signal);
    }

    const [newest, older] = layout.catalogBackups;
    assert.deepEqual([newest, older].map(blobsIn), [3, 2]);
    assert.equal((await stat(newest)).mode & 0o777, 0o600);
    assert.equal(await catalog.backedUpAtMs(), (await stat(newest)).mtimeMs);
    assert.deepEqual(await catalogFiles(layout), [
      "catalog.db",
      "catalog.db-shm",
      "catalog.db-wal",
      "catalog.db.backup",
      "catalog.db.backup.1",
    ]);
  });

  // SQLite begins a copy anew when somebody else than the copying connection has written.
  test("it ends while writes go on, which do not wait for it, and holds what was there before", async () => {
    await using directory = await storageDirectory();
    const { layout } = directory;
    await using catalog = await SqliteCatalog.open(layout);
    await record(catalog, 0, 8000);
    const ended = catalog.backUp(signal).then(() => true);
    let written = 8000;

    while (!(await Promise.race([ended, record(catalog, written, 100).then(() => false)]))) {
      written += 100;
    }

    assert.ok(written > 8000, "writes were made meanwhile");
    const inBackup = blobsIn(layout.catalogBackups[0]);
    assert.ok(inBackup >= 8000 && inBackup <= written + 100, `${inBackup} of ${written}`);
  });

  test("one that is aborted rejects at once, replaces nothing, and ends with the catalog", async () => {
    await using directory = await storageDirectory();
    const { layout } = directory;
    const ending = new AbortController();
    {
      await using catalog = await SqliteCatalog.open(layout);
      await record(catalog, 0, 5000);
      const backup = catalog.backUp(ending.signal);
      ending.abort();
      await assert.rejects(backup, { name: "AbortError" });
    }

    assert.deepEqual(
      (await catalogFiles(layout)).filter((name) => /backup(?:\.1)?$/.test(name)),
      [],
    );
    assert.deepEqual(await openFilesBelow(layout.directory), []);
  });

  test("a copy that cannot be made rejects with the cause", async () => {
    await using directory = await storageDirectory();
    await using _catalog = await SqliteCatalog.open(directory.layout);
    const cause = new Error("the disk is on fire");
    const copyTo = (): Promise<void> => Promise.reject(cause);

    await assert.rejects(backUpCatalog({ layout: directory.layout, copyTo, signal }), cause);
  });

  test("one that is aborted while the copy is made does not wait for it", async () => {
    await using directory = await storageDirectory();
    const { layout } = directory;
    await using _catalog = await SqliteCatalog.open(layout);
    const ending = new AbortController();
    const copyTo = (): Promise<void> => {
      ending.abort();
      return new Promise(() => {});
    };

    await assert.rejects(backUpCatalog({ layout, copyTo, signal: ending.signal }), {
      name: "AbortError",
    });
  });

  // It took away the file that the first one was being copied to, before it was refused.
  test("a second one meanwhile is refused, and the first is made, of all that is there", async () => {
    await using directory = await storageDirectory();
    await using catalog = await SqliteCatalog.open(directory.layout);
    await record(catalog, 0, 5000);

    const first = catalog.backUp(signal);
    while (!existsSync(`${directory.layout.catalogFile}.backup.new`)) await setImmediate();
    const second = catalog.backUp(signal);

    await assert.rejects(second, /a backup is being made already/);
    await first;
    assert.equal(blobsIn(directory.layout.catalogBackups[0]), 5000);
  });
});

test("the first backup is due a minute after the start, and each other an hour after the one before", async () => {
  await using directory = await storageDirectory();
  await using catalog = await SqliteCatalog.open(directory.layout);
  let nowMs = 0;
  const backups = new RegularBackups({ catalog, now: () => nowMs });
  assert.equal(await backups.untilNextMs(), 60_000);

  await backups.make(signal);

  const madeAtMs = (await catalog.backedUpAtMs()) ?? 0;
  const dueInMs: number[] = [];
  for (const ageMs of [0, 600_000, 86_400_000, -86_400_000]) {
    nowMs = madeAtMs + ageMs;
    dueInMs.push(await backups.untilNextMs());
  }
  assert.deepEqual(dueInMs, [3_600_000, 3_000_000, 60_000, 3_600_000]);
});

async function record(catalog: SqliteCatalog, from: number, count: number): Promise<void> {
  const writes = Array.from({ length: count }, (_, index) =>
    catalog.recordBlob(alpine, blobRecord(`${from + index}`, 1), 1),
  );
  await Promise.all(writes);
}

function blobsIn(path: string): number {
  using stack = new DisposableStack();
  const database = stack.adopt(new Database(path, { readonly: true }), (it) => it.close());
  return Number(database.prepare("SELECT blobs FROM totals").pluck().get());
}

async function catalogFiles({ directory }: Layout): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.startsWith("catalog.db"));
}
