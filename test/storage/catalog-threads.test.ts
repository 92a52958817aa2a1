import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { rename } from "node:fs/promises";
import { getPriority } from "node:os";
import { type TestContext, test } from "node:test";
import Database from "better-sqlite3";
import { migrate } from "../../src/storage/catalog/file/migrations.ts";
import { CatalogThreads } from "../../src/storage/catalog/reading/catalog-threads.ts";
import { codeOf, StorageError } from "../../src/storage/storage-error.ts";
import { storageDirectory } from "./storage-directory.ts";

const question = { kind: "pulls", sinceMs: 0 } as const;

test("questions of the catalog that come one after the other are answered by one thread", async (t) => {
  await using scene = await startScene(t);

  for (let nth = 0; nth < 3; nth++) assert.equal((await scene.ask()).atMs.length, 0);

  assert.equal(scene.started(), 1);
});

test("questions of the catalog at the same time have a thread each, of which one stays", async (t) => {
  await using scene = await startScene(t);

  await Promise.all([scene.ask(), scene.ask(), scene.ask()]);
  await scene.ask();

  assert.equal(scene.started(), 3);
});

test("a question that cannot be answered leaves the next to a new thread", async (t) => {
  await using scene = await startScene(t);
  await rename(scene.path, `${scene.path}.away`);

  await assert.rejects(scene.ask(), (error: unknown) => {
    assert.ok(error instanceof StorageError);
    assert.equal(error.message, "the log of pulls was not read: unable to open database file");
    assert.equal(codeOf(error.cause), "SQLITE_CANTOPEN");
    return true;
  });
  await rename(`${scene.path}.away`, scene.path);

  assert.equal((await scene.ask()).atMs.length, 0);
  assert.equal(scene.started(), 2);
});

test("the thread that answers a question of the catalog has less priority than those that answer pulls", async (t) => {
  if (process.platform !== "linux") return t.skip("threads have no priorities of their own");
  const before = new Set(threadsOfProcess());
  await using scene = await startScene(t);

  await scene.ask();

  const started = threadsOfProcess().filter((thread) => !before.has(thread));
  assert.ok(started.some((thread) => getPriority(thread) > getPriority()));
});

test("who waits for an answer of the catalog when it is closed is told so, and so is who asks later", async (t) => {
  await using scene = await startScene(t);
  const waiting = assert.rejects(scene.ask(), StorageError);

  await scene.threads[Symbol.asyncDispose]();

  await waiting;
  await assert.rejects(scene.ask(), StorageError);
});

function threadsOfProcess(): number[] {
  return readdirSync("/proc/self/task").map(Number);
}

async function startScene(t: TestContext) {
  await using resources = new AsyncDisposableStack();
  const directory = resources.use(await storageDirectory());
  const path = directory.layout.catalogFile;
  const database = new Database(path);
  migrate(database);
  database.close();
  const threads = resources.use(new CatalogThreads(path));
  let started = 0;
  const count = (): void => {
    started++;
  };
  process.on("worker", count);
  t.after(() => process.off("worker", count));
  const all = resources.move();
  return {
    path,
    threads,
    ask: () => threads.ask(question),
    started: () => started,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
