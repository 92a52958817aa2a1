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
test("what is looked up while it is forgotten is forgotten all the same", async () => {
  const memory = new CatalogMemory<number>(10, log);
  const written = Promise.withResolvers<void>();
  memory.note("grant", 1);
  let row: number | null = 1;

  const forgetting = memory.forget("grant", async () => {
    await written.promise;
    row = null;
  });
  assert.equal(await memory.find("grant", async () => row), 1);
  written.resolve();
  await forgetting;

  assert.equal(memory.inMemory("grant"), undefined);
  assert.equal(await memory.find("grant", async () => row), null);
});

test("what cannot be taken out of the catalog is not in memory either, and says so", async () => {
  const memory = new CatalogMemory<number>(10, log);
  memory.note("grant", 1);

  await assert.rejects(
    memory.forget("grant", () => Promise.reject(new Error("disk"))),
    { message: "disk" },
  );

  assert.equal(memory.inMemory("grant"), undefined);
});
