import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { CatalogMemory } from "../../src/mirror/catalog-memory.ts";

const log = pino({ level: "silent" });

test("what was found in the catalog is not looked up there again until all is forgotten", async () => {
  const memory = new CatalogMemory<number>(10, log);
  let reads = 0;
  const read = async (): Promise<number> => ++reads;

  assert.equal(memory.inMemory("grant"), undefined);
  assert.equal(await memory.find("grant", read), 1);
  assert.equal(await memory.find("grant", read), 1);
  assert.equal(memory.inMemory("grant"), 1);
  memory.clear();

  assert.equal(await memory.find("grant", read), 2);
});

test("what the catalog does not have, or fails to tell, is looked up again", async () => {
  const memory = new CatalogMemory<number>(10, log);

  assert.equal(await memory.find("grant", async () => null), null);
  assert.equal(await memory.find("grant", () => Promise.reject(new Error("disk"))), null);

  assert.equal(await memory.find("grant", async () => 3), 3);
});

// A right that was revoked came back for as long as the process lived: who asked during the write found its row still.
test("what is looked up while it is forgotten is forgotten already", async () => {
  const memory = new CatalogMemory<number>(10, log);
  const [looked, written] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let row: number | null = 1;
  const before = memory.find("grant", async () => {
    const found = row;
    await looked.promise;
    return found;
  });

  const forgetting = memory.forget("grant", async () => {
    await written.promise;
    row = null;
  });
  looked.resolve();

  assert.equal(await before, null);
  assert.equal(await memory.find("grant", async () => row), null);
  written.resolve();
  await forgetting;
  assert.equal(memory.inMemory("grant"), undefined);
  assert.equal(await memory.find("grant", async () => row), null);
});

test("what is noted while it is forgotten is known", async () => {
  const memory = new CatalogMemory<number>(10, log);
  const written = Promise.withResolvers<void>();

  const forgetting = memory.forget("grant", () => written.promise);
  memory.note("grant", 2);
  written.resolve();
  await forgetting;

  assert.equal(memory.inMemory("grant"), 2);
});

test("what cannot be taken out of the catalog is forgotten in memory, until that succeeds", async () => {
  const memory = new CatalogMemory<number>(10, log);
  let row: number | null = 1;
  const read = async (): Promise<number | null> => row;
  memory.note("grant", 1);

  await memory.forget("grant", () => Promise.reject(new Error("disk")));
  memory.clear();

  assert.equal(memory.inMemory("grant"), undefined);
  assert.equal(await memory.find("grant", read), null);
  assert.equal(await memory.isWritten("grant", read), true);
  await memory.forget("grant", async () => {
    row = null;
  });
  assert.equal(await memory.isWritten("grant", read), false);
  memory.note("grant", 3);
  assert.equal(memory.inMemory("grant"), 3);
});
