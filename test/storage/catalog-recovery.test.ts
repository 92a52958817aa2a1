import assert from "node:assert/strict";
import { readdir, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { suite, test } from "node:test";
import Database from "better-sqlite3";
import { RegularBackups } from "../../src/storage/catalog/regular-backups.ts";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import type { Layout } from "../../src/storage/layout.ts";
import { isCorruption, StorageError } from "../../src/storage/storage-error.ts";
import { blobRecord, locationOf } from "../support/catalog-suite.ts";
import { storageDirectory } from "./storage-directory.ts";

const alpine = locationOf("docker.io", "library/alpine");
const [older, newer, newest] = ["older", "newer", "newest"].map((text) => blobRecord(text));
const noon = (): number => Date.UTC(2026, 10, 21, 12);

type Damage = (path: string) => Promise<void>;

const emptied: Damage = (path) => truncate(path, 0);
const overwritten: Damage = (path) => writeFile(path, Buffer.alloc(50_000, 7));
const cutShort: Damage = (path) => truncate(path, 6000);
const nonsenseInSchema: Damage = async (path) => {
  const bytes = await readFile(path);
  await writeFile(path, bytes.fill(7, 100, 4096));
};

const damages: Readonly<Record<string, Damage>> = {
  "is empty": emptied,
  "is no database": overwritten,
  "ends too early": cutShort,
  "has a schema of nonsense": nonsenseInSchema,
};

/** A directory whose older backup knows one blob, its newest two, and its catalog three. */
async function backedUpTwice(layout: Layout): Promise<void> {
  await using catalog = await SqliteCatalog.open(layout);
  assert.ok(older && newer && newest);
  const { signal } = new AbortController();
  await catalog.recordBlob(alpine, older, 1);
  await catalog.backUp(signal);
  await catalog.recordBlob(alpine, newer, 1);
  await catalog.backUp(signal);
  await catalog.recordBlob(alpine, newest, 1);
}

async function blobsIn(catalog: SqliteCatalog): Promise<number> {
  return (await catalog.usage()).blobs;
}

suite("a catalog that cannot be used", () => {
  for (const [what, damage] of Object.entries(damages)) {
    test(`and ${what} is set aside, and an empty one begun where there is no backup`, async () => {
      await using directory = await storageDirectory();
      const { layout } = directory;
      {
        await using catalog = await SqliteCatalog.open(layout);
        await catalog.recordBlob(alpine, blobRecord("layer"), 1);
      }
      await damage(layout.catalogFile);
      const damaged = await readFile(layout.catalogFile);

      await using catalog = await SqliteCatalog.open(layout, noon);

      const setAside = `${layout.catalogFile}.corrupt-2026-11-21T120000.000Z`;
      assert.deepEqual(catalog.origin, { setAside, restoredFrom: null });
      assert.deepEqual(await readFile(setAside), damaged);
      assert.partialDeepStrictEqual(await catalog.usage(), { blobs: 0, bytes: 0 });
      await catalog.recordBlob(alpine, blobRecord("layer"), 1);
      assert.equal((await stat(layout.catalogFile)).mode & 0o777, 0o600);
    });

    test(`and ${what} is set aside, and the newest backup takes its place`, async () => {
      await using directory = await storageDirectory();
      const { layout } = directory;
      await backedUpTwice(layout);
      await damage(layout.catalogFile);

      await using catalog = await SqliteCatalog.open(layout, noon);

      assert.equal(catalog.origin.restoredFrom, layout.catalogBackups[0]);
      assert.notEqual(catalog.origin.setAside, null);
      assert.equal(await blobsIn(catalog), 2);
      await catalog.recordBlob(alpine, blobRecord("layer"), 1);
      assert.equal((await stat(layout.catalogFile)).mode & 0o777, 0o600);
    });
  }

  test("a missing one comes back from the newest backup, with nothing to set aside", async () => {
    await using directory = await storageDirectory();
    const { layout } = directory;
    await backedUpTwice(layout);
    await rm(layout.catalogFile);

    await using catalog = await SqliteCatalog.open(layout);

    assert.deepEqual(catalog.origin, { setAside: null, restoredFrom: layout.catalogBackups[0] });
    assert.equal(await blobsIn(catalog), 2);
  });

  test("of which only the log is left comes back from the backup, and the log is kept", async () => {
    await using directory = await storageDirectory();
    const { layout } = directory;
    await backedUpTwice(layout);
    await rm(layout.catalogFile);
    await writeFile(`${layout.catalogFile}-wal`, "what was a log");

    await using catalog = await SqliteCatalog.open(layout, noon);

    assert.equal(await blobsIn(catalog), 2);
    assert.equal(await readFile(`${catalog.origin.setAside}-wal`, "utf8"), "what was a log");
  });

  test("a backup that rotted is passed over for the older one", async () => {
    await using directory = await storageDirectory();
    const { layout } = directory;
    await backedUpTwice(layout);
    const [first, second] = layout.catalogBackups;
    // The middle of a page that opening does not look at.
    const bytes = await readFile(first);
    await writeFile(first, bytes.fill(7, bytes.length - 4096));
    await overwritten(layout.catalogFile);

    await using catalog = await SqliteCatalog.open(layout);

    assert.equal(catalog.origin.restoredFrom, second);
    assert.equal(await blobsIn(catalog), 1);
  });

  test("where both backups rotted an empty one is begun, and no half copy is left", async () => {
    await using directory = await storageDirectory();
    const { layout } = directory;
    await backedUpTwice(layout);
    for (const path of [layout.catalogFile, ...layout.catalogBackups]) await overwritten(path);

    await using catalog = await SqliteCatalog.open(layout);

    assert.equal(catalog.origin.restoredFrom, null);
    assert.equal(await blobsIn(catalog), 0);
    assert.ok(!(await readdir(layout.directory)).includes("catalog.db.restoring"));
  });

  test("one of a newer sluice that was moved away does not come back from its backups", async () => {
    await using directory = await storageDirectory();
    const { layout } = directory;
    await backedUpTwice(layout);
    for (const path of layout.catalogBackups) {
      using stack = new DisposableStack();
      const database = stack.adopt(new Database(path), (it) => it.close());
      database.pragma("user_version = 99");
    }
    await rm(layout.catalogFile);

    await using catalog = await SqliteCatalog.open(layout);

    assert.deepEqual(catalog.origin, { setAside: null, restoredFrom: null });
    assert.equal(await blobsIn(catalog), 0);
  });

  test("a sound one is gone on with, and what a crash left of a copy is removed", async () => {
    await using directory = await storageDirectory();
    const { layout } = directory;
    await backedUpTwice(layout);
    for (const name of ["backup.new", "backup.new-journal", "restoring"]) {
      await writeFile(`${layout.catalogFile}.${name}`, "half");
    }

    await using catalog = await SqliteCatalog.open(layout);

    assert.deepEqual(catalog.origin, { setAside: null, restoredFrom: null });
    assert.equal(await blobsIn(catalog), 3);
    assert.deepEqual(
      (await readdir(layout.directory)).filter((name) => /backup\.new|restoring/.test(name)),
      [],
    );
  });
});

suite("damage in the middle of the catalog", () => {
  /** Every page but the first is overwritten: the schema can be read, and nothing else. */
  async function damageMiddle(path: string): Promise<void> {
    const bytes = await readFile(path);
    const at = bytes.length / 2;
    await writeFile(path, bytes.fill(0xff, 4096 * Math.floor(at / 4096)));
  }

  async function damagedDirectory(layout: Layout): Promise<void> {
    await backedUpTwice(layout);
    {
      await using catalog = await SqliteCatalog.open(layout);
      const writes = Array.from({ length: 2000 }, (_, index) =>
        catalog.recordBlob(alpine, blobRecord(`${index}`), 1),
      );
      await Promise.all(writes);
    }
    await damageMiddle(layout.catalogFile);
  }

  test("is told when it is met, and the next start goes on with the backup", async () => {
    await using directory = await storageDirectory();
    const { layout } = directory;
    await damagedDirectory(layout);
    {
      await using catalog = await SqliteCatalog.open(layout);
      await assert.rejects(meetDamage(catalog), isDamage);
      await assert.rejects(catalog.check(), isDamage);
    }

    await using catalog = await SqliteCatalog.open(layout);

    assert.equal(catalog.origin.restoredFrom, layout.catalogBackups[0]);
    assert.equal(await blobsIn(catalog), 2);
    await catalog.check();
    assert.ok(!(await readdir(layout.directory)).includes("catalog.db.damaged"));
  });

  test("is told when a question in a thread of its own meets it", async () => {
    await using directory = await storageDirectory();
    await damagedDirectory(directory.layout);
    await using catalog = await SqliteCatalog.open(directory.layout);

    await assert.rejects(catalog.ask({ kind: "upstreams" }), isDamage);

    await assert.rejects(catalog.check(), isDamage);
    assert.ok((await readdir(directory.layout.directory)).includes("catalog.db.damaged"));
  });

  test("is found by the next backup, which replaces no good one", async () => {
    await using directory = await storageDirectory();
    const { layout } = directory;
    await damagedDirectory(layout);
    const before = await readFile(layout.catalogBackups[0]);
    await using catalog = await SqliteCatalog.open(layout);

    await assert.rejects(catalog.backUp(new AbortController().signal), isDamage);

    await assert.rejects(catalog.check(), isDamage);
    assert.deepEqual(await readFile(layout.catalogBackups[0]), before);
    assert.ok(!(await readdir(layout.directory)).includes("catalog.db.backup.new"));
  });

  // The newest backup keeps its time then, so that the next one was due a minute later, and all was copied and checked again.
  test("is not copied again once it is known, and the next backup is tried an hour later", async () => {
    await using directory = await storageDirectory();
    const { layout } = directory;
    await damagedDirectory(layout);
    await using catalog = await SqliteCatalog.open(layout);
    const twoHoursLater = Date.now() + 7_200_000;
    const backups = new RegularBackups({ catalog, now: () => twoHoursLater });
    const { signal } = new AbortController();
    assert.equal(await backups.untilNextMs(), 60_000);

    await assert.rejects(backups.make(signal), isDamage);

    assert.equal(await backups.untilNextMs(), 3_600_000);
    // Who would copy it now would not find it.
    await rename(layout.catalogFile, `${layout.catalogFile}.away`);
    await assert.rejects(backups.make(signal), isDamage);
  });
});

/** Looks at all that is recorded. */
async function meetDamage(catalog: SqliteCatalog): Promise<void> {
  for (let index = 0; index < 2000; index++) {
    const { digest } = blobRecord(`${index}`);
    await catalog.blob(digest);
    await catalog.grantedAtMs(alpine, digest);
  }
}

function isDamage(error: unknown): boolean {
  return (
    error instanceof StorageError &&
    isCorruption(error.cause) &&
    / is damaged\. Restart sluice/.test(error.message)
  );
}
